"""The demo bank's customers: one fixed set that the demo, the tutorial and the tests share.

``docs/demo-bank.md`` is written from here. These people, numbers and PINs are made up; a PIN here is nobody's secret.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from core_client.domain.money import Money
from core_client.domain.pins import weakness_of
from core_client.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account with its history: (days ago, amount, text); the entries sum to what is booked."""

    number: str
    product: str
    entries: tuple[tuple[int, str, str], ...]
    currency: str = "CNY"
    frozen: bool = False

    @property
    def booked(self) -> Money:
        """What the entries sum to."""
        return sum((self.money(entry[1]) for entry in self.entries), Money(0, self.currency))

    def money(self, figure: str) -> Money:
        """Answer a figure in this account's currency."""
        return Money.parse(f"{figure} {self.currency}")


@dataclass(frozen=True, slots=True)
class DemoPayee:
    """A registered payee. Fresh ones are inside their cooling period."""

    short_number: str
    alias: str
    name: str
    account_number: str
    hours_ago: int = 30 * 24


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    """A customer of the demo bank, and what is special about them."""

    number: str
    name: str
    line: str | None  # None: has no registered number and calls from strange ones
    language: str | None  # None: never chose
    born: datetime.date
    pin: str = field(repr=False)
    accounts: tuple[DemoAccount, ...]
    payees: tuple[DemoPayee, ...] = ()
    cards: tuple[str, ...] = ()  # last four digits
    note: str = ""

    def personal_numbers(self) -> tuple[str, ...]:
        """Answer the numbers that no PIN of theirs may come from."""
        ends = (*(account.number[-4:] for account in self.accounts), *self.cards)
        return (f"{self.born:%Y%m%d}", self.number, self.line or "", *ends)


_LI_LEI, _HAN_MEIMEI = "440100003303", "440100004404"
_WANG, _SMITH = "440100001101", "440100002202"

CUSTOMERS: tuple[DemoCustomer, ...] = (
    DemoCustomer(
        "10000001",
        "Wang Xiaoming 王小明",
        "+8613900000001",
        "zh",
        datetime.date(1988, 6, 15),
        "739154",
        (
            DemoAccount(
                _WANG,
                "current",
                (
                    (40, "9500.00", "Opening balance 期初余额"),
                    (28, "6800.00", "Salary 工资"),
                    (21, "-2600.00", "Rent 房租"),
                    (9, "-318.50", "Supermarket 超市"),
                    (6, "-45.83", "Metro 地铁"),
                    (2, "-990.00", "Electricity 电费"),
                ),
            ),
        ),
        (
            DemoPayee("1", "LILEI", "Li Lei 李雷", _LI_LEI),
            DemoPayee("2", "HANMEI", "Han Meimei 韩梅梅", _HAN_MEIMEI),
        ),
        ("4821",),
        "Speaks Chinese. The customer of every example.",
    ),
    DemoCustomer(
        "10000002",
        "John Smith",
        "+8613900000002",
        "en",
        datetime.date(1979, 11, 2),
        "482607",
        (DemoAccount(_SMITH, "current", ((35, "9000.00", "Opening balance"), (3, "-1000.00", "Flight"))),),
        (DemoPayee("1", "WANG", "Wang Xiaoming 王小明", _WANG), DemoPayee("2", "LILEI", "Li Lei 李雷", _LI_LEI)),
        ("7730",),
        "Speaks English.",
    ),
    DemoCustomer(
        "10000003",
        "Li Lei 李雷",
        "+8613900000003",
        "zh",
        datetime.date(1990, 3, 21),
        "605839",
        (
            DemoAccount(_LI_LEI, "current", ((33, "2300.00", "Opening balance 期初余额"), (4, "-99.00", "Books 书店"))),
            DemoAccount("440100003317", "savings", ((33, "50000.00", "Opening balance 期初余额"),)),
            DemoAccount("440100003329", "currency", ((33, "1250.00", "Opening balance 期初余额"),), currency="USD"),
        ),
        (DemoPayee("1", "WANG", "Wang Xiaoming 王小明", _WANG),),
        ("1195", "8804"),
        "Several accounts, one of them in US dollars; two cards.",
    ),
    DemoCustomer(
        "10000004",
        "Han Meimei 韩梅梅",
        "+8613900000004",
        "zh",
        datetime.date(1992, 12, 9),
        "917463",
        (DemoAccount(_HAN_MEIMEI, "current", ()),),
        (DemoPayee("1", "WANG", "Wang Xiaoming 王小明", _WANG),),
        ("6027",),
        "An empty account, and no entry in it.",
    ),
    DemoCustomer(
        "10000005",
        "Zhang Wei 张伟",
        "+8613900000005",
        "zh",
        datetime.date(1965, 1, 30),
        "284071",
        (DemoAccount("440100005505", "current", ((50, "7700.00", "Opening balance 期初余额"),), frozen=True),),
        (DemoPayee("1", "LILEI", "Li Lei 李雷", _LI_LEI),),
        ("3358",),
        "The account is frozen: it is seen, and pays nobody.",
    ),
    DemoCustomer(
        "10000006",
        "Maria Garcia",
        "+8613900000006",
        "en",
        datetime.date(1995, 8, 17),
        "836025",
        (DemoAccount("440100006606", "current", ((20, "150000.00", "Opening balance"),)),),
        (
            DemoPayee("1", "SMITH", "John Smith", _SMITH),
            DemoPayee("2", "NEWSHOP", "New Shop", "990200000077", hours_ago=1),
        ),
        ("2946",),
        "Rich enough to meet the limits; one payee is an hour old and cannot be paid yet.",
    ),
    DemoCustomer(
        "10000007",
        "Zhao Min 赵敏",
        None,
        "zh",
        datetime.date(1958, 4, 4),
        "590836",
        (DemoAccount("440100007707", "current", ((60, "3600.00", "Opening balance 期初余额"),)),),
        (DemoPayee("1", "LILEI", "Li Lei 李雷", _LI_LEI),),
        ("5513",),
        "No registered number: calls from strange or withheld lines and keys the customer number.",
    ),
    DemoCustomer(
        "10000008",
        "Chen Jie 陈洁",
        "+8613900000008",
        None,
        datetime.date(2000, 2, 29),
        "172940",
        (DemoAccount("440100008808", "current", ((10, "640.20", "Opening balance 期初余额"),)),),
        (
            DemoPayee("1", "MUM", "Chen Hong 陈红", "990200000081"),
            DemoPayee("2", "AUNT", "Chen Hong 陈红", "990200000092"),
        ),
        ("9081", "9082"),
        "Never chose a language; two payees of one name, two cards.",
    ),
    DemoCustomer(
        "10000009",
        "Emma Brown",
        "+8613900000009",
        "en",
        datetime.date(1983, 7, 7),
        "364819",
        (DemoAccount("440100009909", "current", ((15, "20.00", "Opening balance"),)),),
        (DemoPayee("1", "SMITH", "John Smith", _SMITH),),
        (),
        "Twenty yuan, and no card.",
    ),
    DemoCustomer(
        "10000010",
        "Liu Yang 刘洋",
        "+8613900000010",
        "zh",
        datetime.date(1997, 10, 13),
        "628475",
        (),
        (),
        ("4417",),
        "Registered yesterday: a card, and no account yet.",
    ),
)


def customer_of_line(e164: str) -> DemoCustomer:
    """Answer the demo customer with that registered number."""
    for customer in CUSTOMERS:
        if customer.line == e164:
            return customer
    raise KeyError(f"no demo customer has the number {e164}: docs/demo-bank.md lists them")


def customer_of_number(number: str) -> DemoCustomer:
    """Answer the demo customer with that customer number."""
    for customer in CUSTOMERS:
        if customer.number == number:
            return customer
    raise KeyError(f"no demo customer has the customer number {number}: docs/demo-bank.md lists them")


def crowd(count: int) -> Sequence[DemoCustomer]:
    """Answer ``count`` more customers, each with a balance of their own, for tests of many calls at once."""
    return [_one_of_the_crowd(n) for n in range(1, count + 1)]


def _one_of_the_crowd(n: int) -> DemoCustomer:
    fen = 100_000 + n * 1_237
    number, line, account = f"2{n:07d}", f"+86139100{n:05d}", f"5501{n:08d}"
    born = datetime.date(1970, 1, 1) + datetime.timedelta(days=n)
    return DemoCustomer(
        number,
        f"Guest {n}",
        line,
        "en" if n % 2 else "zh",
        born,
        _crowd_pin(n, (number, line, account[-4:], f"{born:%Y%m%d}")),
        (DemoAccount(account, "current", ((5, f"{fen // 100}.{fen % 100:02d}", "Opening balance"),)),),
        (DemoPayee("1", "LILEI", "Li Lei 李雷", _LI_LEI),),
        note="One of the crowd.",
    )


def _crowd_pin(n: int, personal: tuple[str, ...]) -> str:
    """Answer the PIN of guest ``n``: the first from a fixed walk over all PINs that the bank's own rule lets pass."""
    candidate = n * 7_919 + 640_417
    while weakness_of(Secret(f"{candidate % 1_000_000:06d}"), personal) is not None:
        candidate += 1
    return f"{candidate % 1_000_000:06d}"


def as_markdown() -> str:
    """Answer the customers as docs/demo-bank.md shows them."""
    rows = [
        "# The demo bank's customers",
        "",
        "`tellerline demo` and the tests use these people. They are made up; their PINs are nobody's secret.",
        "This page is written by `python -m core_client.adapters.demo_world`; a test compares it with the data.",
        "",
        "| customer number | name | registered number | language | PIN | what is special |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        _row(who.number, who.name, who.line or "none", who.language or "not chosen", who.pin, who.note)
        for who in CUSTOMERS
    ]
    rows += ["", "## Accounts", "", "| of | account | product | available | |", "|---|---|---|---|---|"]
    rows += [
        _row(who.name, account.number, account.product, account.booked, "frozen" if account.frozen else "")
        for who in CUSTOMERS
        for account in who.accounts
    ]
    rows += ["", "## Payees", "", "| of | short number | alias | name | account | |", "|---|---|---|---|---|---|"]
    rows += [
        _row(
            who.name,
            payee.short_number,
            payee.alias,
            payee.name,
            payee.account_number,
            "in its cooling period" if payee.hours_ago < 24 else "",
        )
        for who in CUSTOMERS
        for payee in who.payees
    ]
    rows += ["", "## Cards", "", "| of | last four digits |", "|---|---|"]
    rows += [_row(who.name, ", ".join(who.cards) or "none") for who in CUSTOMERS]
    return "\n".join(rows) + "\n"


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


if __name__ == "__main__":
    print(as_markdown(), end="")
