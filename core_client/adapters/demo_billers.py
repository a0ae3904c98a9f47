"""The demo bank's billers, mobile operators and what is due: made up, and the same for everybody who tries."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from core_client.domain.billers import Biller, BillerKind

_BILL, _TOP_UP = BillerKind.BILL, BillerKind.TOP_UP
_FIVE_TO_5000 = (500, 500_000)
_TEN_TO_500 = (1_000, 50_000)
_MOBILE = (11, 11)

BILLERS: Sequence[Biller] = (
    Biller("101", "City Water 城市自来水", _BILL, "990300000101", "CNY", (8, 8), _FIVE_TO_5000, told_due=True),
    Biller("102", "City Power 城市供电", _BILL, "990300000102", "CNY", (10, 13), _FIVE_TO_5000, told_due=True),
    Biller("103", "City Gas 城市燃气", _BILL, "990300000103", "CNY", (6, 12), _FIVE_TO_5000),
    Biller("901", "Mobile One 第一移动", _TOP_UP, "990300000901", "CNY", _MOBILE, _TEN_TO_500, prefixes=("13", "15")),
    Biller("902", "Mobile Two 第二移动", _TOP_UP, "990300000902", "CNY", _MOBILE, _TEN_TO_500, prefixes=("18", "19")),
)
# What is due, by biller: (reference, minor units, days from the seeding on).
BILLS: Mapping[str, Sequence[tuple[str, int, int]]] = MappingProxyType(
    {
        "101": (("12345678", 8_640, 12), ("20000001", 4_315, 5), ("20000002", 0, 5)),
        "102": (("4401000012345", 23_180, 9), ("4401000067890", 150_000, 3)),
    }
)


def bills_of(code: str, today: datetime.date) -> list[tuple[str, int, datetime.date]]:
    """Answer what is due to a biller, as its file would say."""
    return [(reference, minor, today + datetime.timedelta(days=days)) for reference, minor, days in BILLS.get(code, ())]
