"""What somebody should know about the SMS settings before customers find it out: pure, no network is asked."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers

from sms.messages import Purpose
from sms.operators import BindSettings, Operator
from tellerline.config import Config
from tellerline.operators import operators_of


@dataclass(frozen=True, slots=True)
class Advice:
    """Settings that can be used, and are perhaps not meant."""

    keys: tuple[str | int, ...]  # the place in the file that it is about
    problem: str
    mend: str


def advice_on(config: Config) -> Iterator[Advice]:
    """Answer what is odd about the SMS settings."""
    operators = operators_of(config.sms)
    if not operators:
        return
    yield from _senders(config, operators)
    yield from _numbers(config, operators)
    if not any(operator.receipts for operator in operators):
        yield Advice(
            ("sms",),
            "no operator is asked for receipts: nobody learns whether a text arrived",
            "Set receipts = true where the operator gives them.",
        )
    for number, operator in enumerate(operators):
        for place, bind in enumerate(operator.binds):
            keys = ("sms", "operators", number, "binds", place) if config.sms.operators else ("sms",)
            yield from _bind(operator, bind, keys)
        yield from _validity(config, operator, number)


def _senders(config: Config, operators: tuple[Operator, ...]) -> Iterator[Advice]:
    code = config.sms.short_code
    for number, operator in enumerate(operators):
        if operator.senders and code not in operator.senders:
            yield Advice(
                ("sms", "operators", number, "senders"),
                f"{operator.name} does not let the short code {code} through: no answer goes by it",
                "Add the short code to its senders, or leave senders out.",
            )


def _numbers(config: Config, operators: tuple[Operator, ...]) -> Iterator[Advice]:
    prefixes = [prefix for operator in operators for prefix in operator.prefixes]
    country = phonenumbers.country_code_for_region(config.bank.region)
    home = f"+{country}"
    if not any(home.startswith(prefix) or prefix.startswith(home) for prefix in prefixes):
        yield Advice(
            ("sms", "operators"),
            f"no operator serves {home}, the bank's own country: its customers get no text",
            f'Add prefixes = ["{home}"] to one, or leave prefixes out.',
        )
    elif "" not in prefixes:
        yield Advice(
            ("sms", "operators"),
            f"no operator serves numbers beside {', '.join(sorted(set(prefixes)))}",
            'Give one of them prefixes = ["", ...], if customers have other numbers.',
        )


def _bind(operator: Operator, bind: BindSettings, keys: tuple[str | int, ...]) -> Iterator[Advice]:
    name = f"{operator.name}/{bind.name}"
    if bind.tls is None and not is_private(bind.host):
        yield Advice(
            keys,
            f"{name} has no TLS: its password and every text cross the internet in the clear",
            "Set tls = true, or name a tunnel's address as the host.",
        )
    if not bind.password.reveal():
        yield Advice(keys, f"{name} has no password", "Set password_file, password_env or password.")
    if 0 < bind.per_second < 1:
        yield Advice(
            keys,
            f"{name} sends one part in {1 / bind.per_second:.0f} s",
            "per_second counts submit_sm a second; is it meant?",
        )


def _validity(config: Config, operator: Operator, number: int) -> Iterator[Advice]:
    code_s = operator.validity_s.get(Purpose.CODE)
    limit_s = config.transfers.confirm_s
    if code_s is not None and code_s > limit_s:
        yield Advice(
            ("sms", "operators", number, "validity_s"),
            f"{operator.name} may deliver a code after {code_s:g} s, and it is worth nothing after {limit_s:g} s",
            f"Set validity_s = {{ code = {limit_s:g} }}.",
        )


def is_private(host: str) -> bool:
    """Answer whether a host is on this machine or a private network. A name is not known to be."""
    if host == "localhost":
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
