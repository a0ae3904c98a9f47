"""The bank's profile out of the settings: failures, delays, limits, lives."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from core_client.domain.callbacks import CallbackPolicy
from core_client.domain.limits import CancelWindow, Ceiling, Fee, Limit, LimitProfile, Which
from core_client.domain.money import Money
from core_client.domain.pins import AttemptPolicy
from core_client.domain.profile import BankProfile
from core_client.domain.transfers import Purpose
from tellerline.config import Config
from tellerline.config_codes import sim_policy_of
from tellerline.config_transfers import ClassRow, FeeRow, LimitRow, Transfers
from tellerline.config_transfers import Which as WhichRow
from tellerline.errors import ConfigError

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def profile_of(config: Config) -> BankProfile:
    """Answer the profile that ``[pin]``, ``[transfers]`` and ``[callbacks]`` describe.

    Raises:
        ConfigError: a currency has one limit and lacks another; fees stand beside a core behind HTTP.
    """
    pin, transfers, callbacks = config.pin, config.transfers, config.callbacks
    return BankProfile(
        limits=LimitProfile(
            ceilings=_ceilings(transfers, "transfers"),
            payee_cooling=datetime.timedelta(seconds=transfers.payee_cooling_s),
            utc_offset_minutes=transfers.utc_offset_minutes,
            class_ceilings=_class_ceilings(transfers),
            limits=tuple(row for limit in transfers.limits for row in _limits(limit)),
            fees=_fees(config),
            cancel_windows=tuple(
                CancelWindow(_which(row), datetime.timedelta(seconds=row.window_s)) for row in transfers.cancel
            ),
            names_per_day=transfers.names_a_day,
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


def _ceilings(transfers: Transfers | ClassRow, where: str) -> dict[str, Ceiling]:
    keys = ("most_each", "most_a_day", "most_a_day_by_sms")
    each, a_day, by_sms = (_by_currency(getattr(transfers, key)) for key in keys)
    for key, amounts in zip(keys, (each, a_day, by_sms), strict=True):
        missing = (each.keys() | a_day.keys() | by_sms.keys()) - amounts.keys()
        if missing:
            currency = min(missing)
            raise ConfigError(
                f"{where}.{key}",
                f"no limit for {currency}",
                f"Write one, as in '1000.00 {currency}', or name it nowhere.",
            )
    return {currency: Ceiling(each[currency], a_day[currency], by_sms[currency]) for currency in each}


def _by_currency(amounts: Sequence[str]) -> dict[str, int]:
    return {m.currency: m.amount_minor for m in map(Money.parse, amounts)}


def _class_ceilings(transfers: Transfers) -> dict[str, dict[str, Ceiling]]:
    return {row.customer_class: _ceilings(row, "transfers.classes") for row in transfers.classes}


def _which(row: WhichRow) -> Which:
    younger = None if row.payee_younger_s is None else datetime.timedelta(seconds=row.payee_younger_s)
    purposes = frozenset(map(Purpose, row.purposes))
    return Which(purposes, row.channel, row.customer_class, row.registered, younger)


def _limits(row: LimitRow) -> list[Limit]:
    """Answer a row as one limit a currency. What it is about says which reason a refusal gives."""
    each, a_day = _by_currency(row.most_each), _by_currency(row.most_a_day)
    reason = "over_unregistered_limit" if row.registered is False else "over_kind_limit"
    if row.payee_younger_s is not None:
        reason = "over_new_payee_limit"
    currencies = dict.fromkeys((*each, *a_day))
    return [Limit(reason, one, _which(row), each.get(one), a_day.get(one)) for one in currencies]


def _fees(config: Config) -> tuple[Fee, ...]:
    """Answer the fees that are taken here: none where another bank keeps the accounts, which takes its own."""
    rows = config.transfers.fees
    if config.core.kind != "http":
        return tuple(map(_fee, rows))
    if rows and "fees" in config.transfers.model_fields_set:
        raise ConfigError(
            "transfers.fees",
            "the core bank behind HTTP takes its own fees; one told here would never be taken",
            "Take out [[transfers.fees]].",
        )
    return ()


def _fee(row: FeeRow) -> Fee:
    flat = Money.parse(row.flat)
    least, most = (None if text is None else Money.parse(text) for text in (row.least, row.most))
    if any(part is not None and part.currency != flat.currency for part in (least, most)):
        raise ConfigError("transfers.fees", "a fee of two currencies", "Write flat, least and most in the same one.")
    return Fee(
        flat.currency,
        _which(row),
        flat.amount_minor,
        row.basis_points,
        0 if least is None else least.amount_minor,
        None if most is None else most.amount_minor,
    )
