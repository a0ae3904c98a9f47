"""The bank's profile out of the settings: failures, delays, limits, lives."""

from __future__ import annotations

import datetime

from core_client.domain.callbacks import CallbackPolicy
from core_client.domain.limits import Ceiling, LimitProfile
from core_client.domain.money import Money
from core_client.domain.pins import AttemptPolicy
from core_client.domain.profile import BankProfile
from tellerline.config import Config
from tellerline.config_codes import sim_policy_of
from tellerline.errors import ConfigError

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def profile_of(config: Config) -> BankProfile:
    """Answer the profile that ``[pin]``, ``[transfers]`` and ``[callbacks]`` describe.

    Raises:
        ConfigError: a currency has one limit and lacks another.
    """
    pin, transfers, callbacks = config.pin, config.transfers, config.callbacks
    return BankProfile(
        limits=LimitProfile(
            ceilings=_ceilings(config),
            payee_cooling=datetime.timedelta(seconds=transfers.payee_cooling_s),
            utc_offset_minutes=transfers.utc_offset_minutes,
        ),
        attempts=AttemptPolicy(limit=pin.failures_to_lock, delays_s=pin.delays_s),
        idle=datetime.timedelta(seconds=pin.idle_s),
        intent_life=datetime.timedelta(seconds=transfers.confirm_s),
        code_life=datetime.timedelta(seconds=transfers.confirm_s),
        callbacks=CallbackPolicy(
            workdays=frozenset(map(_WEEKDAYS.index, callbacks.workdays)),
            same_day_until=callbacks.same_day_until,
            holidays=frozenset(callbacks.holidays),
            most_open_per_line=callbacks.most_open_per_line,
        ),
        sims=sim_policy_of(config.codes),
        missed_call_number=config.missed_call.number,
    )


def _ceilings(config: Config) -> dict[str, Ceiling]:
    transfers = config.transfers
    keys = ("most_each", "most_a_day", "most_a_day_by_sms")
    each, a_day, by_sms = (
        {m.currency: m.amount_minor for m in map(Money.parse, getattr(transfers, key))} for key in keys
    )
    for key, amounts in zip(keys, (each, a_day, by_sms), strict=True):
        missing = (each.keys() | a_day.keys() | by_sms.keys()) - amounts.keys()
        if missing:
            currency = min(missing)
            raise ConfigError(
                f"transfers.{key}",
                f"no limit for {currency}",
                f"Write one, as in '1000.00 {currency}', or name it nowhere.",
            )
    return {currency: Ceiling(each[currency], a_day[currency], by_sms[currency]) for currency in each}
