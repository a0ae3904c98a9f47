"""The currencies that the bank can speak, and how each is called.

A currency that is not here can still be written in a text message, never spoken: there are no clips for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sounds.errors import SpeechError

# Minor-unit digits of ISO 4217 where they are not 2: the same table as the domain's Money (a test compares them;
# rooms that are siblings do not import each other).
_EXPONENT = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3, "JOD": 3}


def exponent_of(currency: str) -> int:
    """Answer how many minor-unit digits ``currency`` has."""
    return _EXPONENT.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Unit:
    """How a unit is called after one and after any other number. Chinese knows no difference."""

    one: str
    many: str


@dataclass(frozen=True, slots=True)
class Names:
    """A currency's units in one language. ``tenth`` is Chinese 角; where it is missing, cents are counted whole."""

    major: Unit
    minor: Unit | None
    tenth: str | None = None


def _same(name: str) -> Unit:
    return Unit(name, name)


NAMES: Mapping[str, Mapping[str, Names]] = MappingProxyType(
    {
        "zh": MappingProxyType(
            {
                "CNY": Names(_same("元"), _same("分"), "角"),
                "HKD": Names(_same("港元"), _same("分"), "角"),
                "USD": Names(_same("美元"), _same("美分")),
                "EUR": Names(_same("欧元"), _same("欧分")),
                "GBP": Names(_same("英镑"), _same("便士")),
                "JPY": Names(_same("日元"), None),
            }
        ),
        "en": MappingProxyType(
            {
                "CNY": Names(_same("yuan"), _same("fen")),
                "HKD": Names(Unit("Hong Kong dollar", "Hong Kong dollars"), Unit("cent", "cents")),
                "USD": Names(Unit("US dollar", "US dollars"), Unit("cent", "cents")),
                "EUR": Names(Unit("euro", "euros"), Unit("cent", "cents")),
                "GBP": Names(Unit("pound", "pounds"), Unit("penny", "pence")),
                "JPY": Names(_same("yen"), None),
            }
        ),
    }
)


def names_of(currency: str, lang: str) -> Names:
    """Answer how ``currency`` is called in ``lang``.

    Raises:
        SpeechError: nobody has recorded it.
    """
    try:
        return NAMES[lang][currency]
    except KeyError:
        known = ", ".join(NAMES.get(lang, {})) or f"no language {lang}; the languages are {', '.join(NAMES)}"
        raise SpeechError(f"{currency} cannot be spoken in '{lang}': there are clips for {known}") from None
