"""Operators and binds in the settings: faults are told with their places, what is right becomes values."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest

from sms.messages import Purpose
from sms.operators import Alphabet, BindSettings, LongTexts, Mode, Operator, ReceiptIds
from sms.people.quiet import NEVER, Hours
from sms.people.settings import MannersSettings, Rate
from sms.receiving.inbox import PARTS_EXPIRY_S
from sms.replying import EXPIRES_S
from sms.store.lives import KEEP_S
from sms.text.national_tables import LANGUAGES
from tellerline.config import Config, Sms, load_config
from tellerline.config_operators import BindConfig, OperatorConfig
from tellerline.config_people import People, manners_of
from tellerline.config_reading import section_titles, settings
from tellerline.config_section import Section
from tellerline.errors import ConfigError
from tellerline.operators import operators_of

TWO = """
[sms]
short_code = "95500"
window = 20

[[sms.operators]]
name = "north"
prefixes = ["+8613", "+8615"]
cost = 3
senders = ["95500", "TELLERLINE"]
alphabets = ["gsm", "gsm_national", "ucs2"]
national = ["tr", "es"]
long_texts = "udh16"
receipts = true
receipt_ids = "hex_then_decimal"
ton_npi = { name = [5, 1] }
tlvs = [{ tag = 0x1400, hex = "01 ff" }, { tag = 0x1401, text = "gold" }]
service_type = "CMT"
priority = { code = 3, campaign = 0 }
validity_s = { code = 300 }

[[sms.operators.binds]]
name = "tx"
host = "tx.north.example"
port = 3550
mode = "transmitter"
password = "hunter-1"
version = 5.0
window = 50
per_second = 100
single = true

[[sms.operators.binds]]
name = "rx"
host = "rx.north.example"
mode = "receiver"
password_env = "NORTH_PASSWORD"
tls = true

[[sms.operators]]
name = "south"

[[sms.operators.binds]]
host = "south.example"
enquire_link_s = 15
"""


def load(folder: Path, text: str, **environ: str) -> Config:
    file = folder / "tellerline.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, environ)


def test_everything_that_an_operator_is_like_reaches_the_gateway(tmp_path: Path) -> None:
    north, south = operators_of(load(tmp_path, TWO, NORTH_PASSWORD="hunter-2").sms)
    assert (north.prefixes, north.cost, north.senders) == (("+8613", "+8615"), 3, ("95500", "TELLERLINE"))
    assert north.alphabets == (Alphabet.GSM, Alphabet.GSM_NATIONAL, Alphabet.UCS2)
    assert (north.national, north.long_texts, north.receipts) == (("tr", "es"), LongTexts.UDH16, True)
    assert north.receipt_ids is ReceiptIds.HEX_THEN_DECIMAL
    assert dict(north.ton_npi) == {"international": (1, 1), "short": (0, 1), "name": (5, 1)}
    assert north.tlvs == ((0x1400, b"\x01\xff"), (0x1401, b"gold"))
    assert (north.service_type, dict(north.priority)) == ("CMT", {Purpose.CODE: 3, Purpose.CAMPAIGN: 0})
    assert dict(north.validity_s) == {Purpose.CODE: 300}
    tx, rx = north.binds
    assert (tx.mode, rx.mode) == (Mode.TRANSMITTER, Mode.RECEIVER)
    assert (tx.password.reveal(), rx.password.reveal()) == ("hunter-1", "hunter-2")
    assert (tx.version, tx.per_second, tx.single, tx.tls) == (0x50, 100, True, None)
    assert (tx.limits.window, rx.limits.window) == (50, 20)
    assert rx.tls is not None
    assert rx.tls.ca_file == ""
    assert south.prefixes == ("",)
    assert (south.binds[0].name, south.binds[0].limits.enquire_link_interval_s) == ("main", 15)


def test_every_language_that_has_a_table_may_be_named(tmp_path: Path) -> None:
    languages = ", ".join(f'"{language}"' for language in LANGUAGES)
    text = TWO.replace('national = ["tr", "es"]', f"national = [{languages}]")
    north, _ = operators_of(load(tmp_path, text, NORTH_PASSWORD="x").sms)
    assert "as" in north.national
    assert set(north.national) == set(LANGUAGES)


def test_the_simple_keys_are_one_operator_with_one_transceiver() -> None:
    (main,) = operators_of(Sms(host="127.0.0.1", port=1, receipts=True, window=7, per_second=9))
    (bind,) = main.binds
    assert (main.name, bind.name, main.receipts, main.prefixes) == ("main", "main", True, ("",))
    assert (bind.mode, bind.limits.window, bind.per_second) == (Mode.TRANSCEIVER, 7, 9)
    assert operators_of(Sms()) == ()
    assert not Sms().on
    assert Sms(host="h").on


@pytest.mark.parametrize(
    ("values", "settings_of"), [(Operator, OperatorConfig), (BindSettings, BindConfig)], ids=["operator", "bind"]
)
def test_nothing_that_an_operator_can_be_like_lacks_a_setting(values: type, settings_of: type[Section]) -> None:
    wanted = {field.name for field in dataclasses.fields(values)}
    here = set(settings_of.model_fields)
    elsewhere = {"limits": "window", "backoff_first_s": "reconnect_first_s", "backoff_max_s": "reconnect_most_s"}
    assert {elsewhere.get(name, name) for name in wanted} - here == set()


OPERATOR = '[sms]\n[[sms.operators]]\nname = "north"\n'
BIND = '[[sms.operators.binds]]\nhost = "h"\n'


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (f'{OPERATOR}{BIND}[[sms.operators]]\nname = "north"\n{BIND}', "sms.operators", ["two operators", "'north'"]),
        (f"{OPERATOR}[[sms.operators.binds]]\nport = 1\n", "sms.operators[north].binds[1].host", ["toml:4", "missing"]),
        (OPERATOR, "sms.operators[north].binds", ["toml:2", "missing"]),
        (f"{OPERATOR}binds = []\n", "sms.operators[north].binds", ["toml:4", "no bind"]),
        (f"[[sms.operators]]\n{BIND}", "sms.operators[1].name", ["toml:1", "missing"]),
        (
            f'{OPERATOR}{BIND}password = "123456789"\n',
            "sms.operators[north].binds[1].password",
            ["toml:6", "8 characters"],
        ),
        (f'{OPERATOR}alphabets = ["gsm7"]\n{BIND}', "sms.operators[north].alphabets[1]", ["toml:4", "'ucs2'"]),
        (f'{OPERATOR}prefixes = ["0086"]\n{BIND}', "sms.operators[north].prefixes", ["'0086'", "+86"]),
        (f"{OPERATOR}ton_npi = {{ short = [7, 1] }}\n{BIND}", "sms.operators[north].ton_npi", ["TON 7", "0 to 6"]),
        (f"{OPERATOR}ton_npi = {{ short = [0, 2] }}\n{BIND}", "sms.operators[north].ton_npi", ["NPI 2"]),
        (f"{OPERATOR}{BIND}addr_npi = 5\n", "sms.operators[north].binds[1].addr_npi", ["toml:6", "NPI 5"]),
        (f"{OPERATOR}{BIND}addr_ton = 9\n", "sms.operators[north].binds[1].addr_ton", ["toml:6", "less than"]),
        (
            f"{OPERATOR}tlvs = [{{ tag = 0x1400 }}]\n{BIND}",
            "[sms.operators[north].tlvs[1]]",
            ["toml:4", "one value"],
        ),
        (f'{OPERATOR}tlvs = [{{ tag = 0, hex = "" }}]\n{BIND}', "sms.operators[north].tlvs[1].tag", ["greater"]),
        (
            f'{OPERATOR}tlvs = [{{ tag = 0x1400, hex = "1" }}]\n{BIND}',
            "sms.operators[north].tlvs[1].hex",
            ["two digits"],
        ),
        (f'{OPERATOR}tlvs = [{{ tag = 0x0424, hex = "" }}]\n{BIND}', "sms.operators[north].tlvs[1].tag", ["0x0424"]),
        (
            f'{OPERATOR}tlvs = [{{ tag = 5, hex = "" }}, {{ tag = 5, hex = "" }}]\n{BIND}',
            "sms.operators[north].tlvs",
            ["0x0005", "twice"],
        ),
        (f"{OPERATOR}priority = {{ code = 4 }}\n{BIND}", "sms.operators[north].priority.code", ["toml:4", "3"]),
        (f"{OPERATOR}priority = {{ cod = 1 }}\n{BIND}", "sms.operators[north].priority.cod", ["'campaign'"]),
        (f"{OPERATOR}validity_s = {{ code = 0 }}\n{BIND}", "sms.operators[north].validity_s.code", ["greater than 0"]),
        (f"{OPERATOR}{BIND}per_second = -1\n", "sms.operators[north].binds[1].per_second", ["greater than or equal"]),
        (
            f'{OPERATOR}{BIND}tls = {{ ca_file = "/nowhere/ca.pem" }}\n',
            "sms.operators[north].binds[1].tls.ca_file",
            ["toml:6", "No such file"],
        ),
        (f'{OPERATOR}{BIND}mode = "transmitter"\n', "sms.operators[north].binds", ["without a receiver"]),
        (f'{OPERATOR}{BIND}mode = "receiver"\n', "sms.operators[north].binds", ["without a transmitter"]),
        (f"{OPERATOR}{BIND}{BIND}", "sms.operators[north].binds", ["'main'", "twice"]),
        (f'{OPERATOR}senders = ["TELLERLINE BANK"]\n{BIND}', "sms.operators[north].senders", ["11 letters"]),
        (f'{OPERATOR}senders = ["银行"]\n{BIND}', "sms.operators[north].senders", ["GSM 03.38"]),
        (f'{OPERATOR}senders = ["12"]\n{BIND}', "sms.operators[north].senders", ["'12'"]),
        (f'{OPERATOR}national = ["tr"]\n{BIND}', "[sms.operators[north]]", ["gsm_national"]),
        (f'{OPERATOR}national = ["xx"]\n{BIND}', "sms.operators[north].national", ["'xx'", "hi"]),
        (f'{OPERATOR}{BIND}hsot = "x"\n', "sms.operators[north].binds[1].hsot", ["toml:6", "Did you mean 'host'?"]),
        (f"{OPERATOR}{BIND}version = 3.5\n", "sms.operators[north].binds[1].version", ["'3.4'"]),
        (f'[sms]\nhost = "h"\n[[sms.operators]]\nname = "n"\n{BIND}', "[sms]", ["both set"]),
        ('[sms]\nhost = "h"\npassword = "a"\npassword_file = "b"\n', "[sms]", ["keep one of them"]),
        ("[sms.alarms]\nagain_s = 0\n", "sms.alarms.again_s", ["toml:2", "greater than 0"]),
        ("[sms.alarms]\nagian_s = 1\n", "sms.alarms.agian_s", ["toml:2", "Did you mean 'again_s'?"]),
        ('[sms.people]\nquiet = "9-17"\n', "sms.people.quiet", ["toml:2", "21:00-08:00"]),
        ('[sms.people]\nquiet_of = { code = "" }\n', "sms.people.quiet_of", ["waited for"]),
        ('[sms.people]\nquiet_zone = "Mars/Base"\n', "sms.people.quiet_zone", ["Europe/Madrid"]),
        ('[sms.people]\nto_number = { code = "5" }\n', "sms.people.to_number", ["5/10m"]),
        ("[sms.people]\nto_number = { campaign = [] }\n", "[sms.people]", ["have to have a limit"]),
        ('[sms.people]\nfrom_sender = { answer = "1/1d" }\n', "sms.people.from_sender", ["not counted here"]),
        ('[sms.people]\nanswers = "0/1d"\n', "sms.people.answers", ["5/10m"]),
        ('[sms.people]\nsenders = ["+12"]\n', "sms.people.senders", ["'+12'"]),
        ("[sms]\nexpires_s = { code = 0 }\n", "sms.expires_s.code", ["toml:2", "greater than 0"]),
    ],
)
def test_a_fault_of_an_operator_is_told_with_its_place_and_the_mend(
    tmp_path: Path, text: str, key: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert caught.value.key == key
    assert "\n  mend: " in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_the_line_is_that_of_the_faulty_bind_of_several(tmp_path: Path) -> None:
    text = TWO.replace("enquire_link_s = 15", "enquire_link_s = 0")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, NORTH_PASSWORD="x")
    line = text.splitlines().index("enquire_link_s = 0") + 1
    assert f"toml:{line}: sms.operators[south].binds[1].enquire_link_s" in str(caught.value)


def test_a_password_comes_from_a_file_that_is_not_open_to_everybody(tmp_path: Path) -> None:
    secret = tmp_path / "north.password"
    secret.write_text("hunter2\n")
    secret.chmod(0o640)
    text = f'{OPERATOR}{BIND}password_file = "{secret}"\n'
    (north,) = operators_of(load(tmp_path, text).sms)
    assert north.binds[0].password.reveal() == "hunter2"
    assert (
        load(tmp_path, f'[sms]\nhost = "h"\npassword_file = "{secret}"\n').sms.password.get_secret_value() == "hunter2"
    )
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod o="):
        load(tmp_path, text)
    secret.write_text("hunter2hunter2\n")
    secret.chmod(0o600)
    with pytest.raises(ConfigError, match="8 characters") as caught:
        load(tmp_path, text)
    assert "hunter2" not in str(caught.value)
    secret.unlink()
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path, text)


def test_a_variable_that_should_hold_a_password_and_is_not_there_is_told(tmp_path: Path) -> None:
    text = f'{OPERATOR}{BIND}password_env = "TELLERLINE_SMS_PASSWORD_NORTH"\n'
    with pytest.raises(ConfigError, match="has no TELLERLINE_SMS_PASSWORD_NORTH"):
        load(tmp_path, text)
    (north,) = operators_of(load(tmp_path, text, TELLERLINE_SMS_PASSWORD_NORTH="hunter2").sms)
    assert north.binds[0].password.reveal() == "hunter2"


def test_settings_below_a_section_come_from_the_environment_too() -> None:
    config = load_config(
        None,
        {
            "TELLERLINE_SMS_ALARMS_AGAIN_S": "60",
            "TELLERLINE_SMS_ALARMS_QUEUE_AGE_S": "code=5, alert=60",
            "TELLERLINE_SMS_TLS": "true",
        },
    )
    assert config.sms.alarms.again_s == 60
    assert config.sms.alarms.queue_age_s[Purpose.CODE] == 5
    assert config.sms.alarms.queue_age_s[Purpose.ANSWER] == 30
    assert config.sms.tls is not None
    with pytest.raises(ConfigError) as caught:
        load_config(None, {"TELLERLINE_SMS_ALARMS_AGAIN_S": "never"})
    assert "environment TELLERLINE_SMS_ALARMS_AGAIN_S: sms.alarms.again_s" in str(caught.value)


def test_people_s_rules_become_the_gateway_s_values(tmp_path: Path) -> None:
    assert manners_of(People(), "95500") == MannersSettings(senders=("95500",))
    text = """
[sms.people]
quiet = "22:30-07:00"
quiet_zone = "Europe/Madrid"
quiet_of = { campaign = "20:00-10:00", alert = "" }
to_number = { code = ["3/5m"] }
from_sender = { campaign = "1000/1h" }
senders = ["TELLERLINE"]
answers = "10/1m"
"""
    manners = manners_of(load(tmp_path, text).sms.people, "95500")
    assert manners.quiet.hours == Hours(datetime.time(22, 30), datetime.time(7))
    assert (manners.quiet.zone, manners.quiet.by_purpose[Purpose.ALERT]) == ("Europe/Madrid", NEVER)
    assert manners.to_number[Purpose.CODE] == (Rate(3, 300),)
    assert manners.to_number[Purpose.ALERT] == MannersSettings().to_number[Purpose.ALERT]
    assert manners.from_sender[Purpose.CAMPAIGN] == (Rate(1000, 3600),)
    assert (manners.senders, manners.answers) == (("95500", "TELLERLINE"), Rate(10, 60))


def test_every_bind_is_shown_and_no_password_is(tmp_path: Path) -> None:
    config = load(tmp_path, TWO, NORTH_PASSWORD="hunter-2")
    shown = {f"{one.section}.{one.key}": one.value for one in settings(Config, config)}
    assert shown["sms.operators[north].binds[tx].host"] == "tx.north.example"
    assert shown["sms.operators[north].binds[rx].password"] == "***"
    assert shown["sms.operators[south].prefixes"] == '""'
    assert shown["sms.operators[north].ton_npi"] == "international=1/1, short=0/1, name=5/1"
    assert shown["sms.operators[north].tlvs"] == "0x1400=01ff, 0x1401=676f6c64"
    assert "hunter" not in "".join(shown.values()) + repr(config) + repr(operators_of(config.sms))


def test_the_reference_tells_operators_and_binds_and_names_every_section() -> None:
    listed = list(settings(Config))
    sections = {one.section for one in listed}
    assert {"sms.operators[]", "sms.operators[].binds[]", "sms.operators[].binds[].tls", "sms.alarms"} <= sections
    assert set(section_titles(Config)) == sections
    assert {one.variable for one in listed if one.section.startswith("sms.operators")} == {""}


def test_what_is_not_set_is_as_the_gateway_has_it() -> None:
    sms = Sms()
    assert (sms.parts_expiry_s, sms.keep_s, sms.expires_s) == (PARTS_EXPIRY_S, KEEP_S, dict(EXPIRES_S))
