"""The bank's profile is what ``[pin]`` and ``[transfers]`` say, and their faults name the mend."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from core_client.domain.profile import BankProfile
from tellerline.config import Config, Pin, Transfers
from tellerline.config_core import Core
from tellerline.config_reading import read_settings
from tellerline.config_transfers import FeeRow
from tellerline.errors import ConfigError
from tellerline.profile import profile_of


def test_without_settings_the_profile_is_the_banks_own_default() -> None:
    assert profile_of(Config()) == BankProfile()


def test_every_setting_reaches_the_profile() -> None:
    profile = profile_of(
        Config(
            pin=Pin(failures_to_lock=3, delays_s=(0, 5), idle_s=60),
            transfers=Transfers(
                most_each=("10.00 USD",),
                most_a_day=("20.00 USD",),
                most_a_day_by_sms=("5.00 USD",),
                payee_cooling_s=7200,
                confirm_s=120,
                utc_offset_minutes=0,
            ),
        )
    )
    assert (profile.attempts.limit, profile.attempts.delays_s) == (3, (0, 5))
    assert profile.idle == datetime.timedelta(minutes=1)
    assert profile.intent_life == profile.code_life == datetime.timedelta(minutes=2)
    assert profile.limits.payee_cooling == datetime.timedelta(hours=2)
    assert profile.limits.utc_offset_minutes == 0
    (ceiling,) = profile.limits.ceilings.values()
    assert (ceiling.per_transaction_minor, ceiling.per_day_minor, ceiling.sms_per_day_minor) == (1000, 2000, 500)


def test_no_fee_is_told_that_a_bank_behind_http_would_never_take() -> None:
    core = Core(kind="http", url="https://core.bank.example/mm", client_id="phone")
    assert profile_of(Config()).limits.fees
    assert profile_of(Config(core=core)).limits.fees == ()
    with pytest.raises(ConfigError, match="takes its own fees"):
        profile_of(Config(core=core, transfers=Transfers(fees=(FeeRow(flat="2.00 CNY"),))))


def test_a_currency_that_lacks_a_limit_is_named() -> None:
    config = Config(transfers=Transfers(most_each=("10.00 CNY", "10.00 USD", "5.00 EUR")))
    with pytest.raises(ConfigError, match="no limit for EUR") as caught:
        profile_of(config)
    assert caught.value.key == "transfers.most_a_day"


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("[pin]\nfailures_to_lock = 4\n", "[pin]", "delays_s needs 3 waits"),
        ('[transfers]\nmost_each = ["ten dollars"]\n', "transfers.most_each", "is not an amount"),
        ('[transfers]\nmost_each = ["1.00 USD", "2.00 USD"]\n', "transfers.most_each", "one amount a currency"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_key(tmp_path: Path, text: str, key: str, said: str) -> None:
    file = tmp_path / "tellerline.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_settings(Config, file, {})
    assert caught.value.key == key
