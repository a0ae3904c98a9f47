"""The settings of transfers: limits, fees, times to call one off."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from core_client.domain.money import Money
from tellerline.config_section import LongSeconds, Seconds, Section

Amounts = tuple[str, ...]
PurposeName = Literal["payee", "own", "third_party", "interbank", "bill", "top_up", "cash"]


def _one_each(value: Amounts) -> Amounts:
    currencies = [Money.parse(text).currency for text in value]
    if len(set(currencies)) != len(currencies):
        raise ValueError("one amount a currency")
    return value


class Which(Section):
    """Which transfers a row is about: what it does not name, it does not ask."""

    purposes: tuple[PurposeName, ...] = Field(default=(), description="What they are for; none: anything.")
    channel: Literal["voice", "sms"] | None = Field(default=None, description="How they were asked for.")
    customer_class: str | None = Field(default=None, pattern=r"^[a-z0-9_-]{1,16}$", description="Whose they are.")
    registered: bool | None = Field(default=None, description="Whether the payee is a registered one.")
    payee_younger_s: LongSeconds | None = Field(default=None, description="Payees registered less than that ago.")


class LimitRow(Which):
    """A limit that is narrower than those for all."""

    most_each: Amounts = Field(default=(), description="Most in one transfer.")
    most_a_day: Amounts = Field(default=(), description="Most in one day, of such transfers together.")

    _amounts = field_validator("most_each", "most_a_day")(_one_each)


class FeeRow(Which):
    """A fee: the first row that fits a transfer counts."""

    flat: str = Field(description="Whatever the amount; its currency is the row's.")
    basis_points: int = Field(default=0, ge=0, le=10_000, description="And so many ten-thousandths of the amount.")
    least: str | None = Field(default=None, description="That part is at least this.")
    most: str | None = Field(default=None, description="That part is at most this.")

    @field_validator("flat", "least", "most")
    @classmethod
    def _amount(cls, value: str | None) -> str | None:
        if value is not None and Money.parse(value).amount_minor < 0:
            raise ValueError("a fee is not negative")
        return value


class CancelRow(Which):
    """A time in which a transfer is held and can be called off: the first row that fits counts."""

    window_s: float = Field(ge=0, le=86_400, description="So long; 0: it leaves at once.")


class ClassRow(Section):
    """The limits of a class of customers, instead of those for all."""

    customer_class: str = Field(pattern=r"^[a-z0-9_-]{1,16}$", description="The class, as the customer's record says.")
    most_each: Amounts = Field(description="Most in one transfer.")
    most_a_day: Amounts = Field(description="Most in one day.")
    most_a_day_by_sms: Amounts = Field(description="Most by text in one day.")

    _amounts = field_validator("most_each", "most_a_day", "most_a_day_by_sms")(_one_each)


_ELSEWHERE: tuple[PurposeName, ...] = ("third_party", "interbank")


class Transfers(Section):
    """How much may be moved, how soon, at what fee. A currency that no limit names is not moved at all."""

    most_each: Amounts = Field(default=("50000.00 CNY", "7000.00 USD"), description="Most in one transfer.")
    most_a_day: Amounts = Field(default=("100000.00 CNY", "14000.00 USD"), description="Most in one day.")
    most_a_day_by_sms: Amounts = Field(default=("5000.00 CNY", "700.00 USD"), description="Most by text in one day.")
    payee_cooling_s: Seconds = Field(default=86_400, description="A new payee cannot be paid before.")
    confirm_s: Seconds = Field(default=600, description="A transfer, or its code, that nobody confirmed lapses after.")
    utc_offset_minutes: int = Field(default=480, ge=-720, le=840, description="When the bank's day begins.")
    names_a_day: int = Field(
        default=20, ge=0, le=1000, description="Account holders' names that one customer may have read out in a day."
    )
    limits: tuple[LimitRow, ...] = Field(
        default=(
            LimitRow(
                purposes=_ELSEWHERE,
                registered=False,
                most_each=("20000.00 CNY", "2800.00 USD"),
                most_a_day=("20000.00 CNY", "2800.00 USD"),
            ),
        ),
        description="Narrower limits by purpose, channel, class, payee's age; all that fit count.",
    )
    classes: tuple[ClassRow, ...] = Field(default=(), description="Limits for classes of customers.")
    fees: tuple[FeeRow, ...] = Field(
        default=(FeeRow(purposes=("interbank",), registered=False, flat="2.00 CNY"),), description="Fees."
    )
    cancel: tuple[CancelRow, ...] = Field(
        default=(CancelRow(purposes=_ELSEWHERE, registered=False, window_s=600),),
        description="Transfers that wait before they leave, to be called off.",
    )

    _amounts = field_validator("most_each", "most_a_day", "most_a_day_by_sms")(_one_each)
