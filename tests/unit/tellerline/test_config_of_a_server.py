from __future__ import annotations

from pathlib import Path

import pytest

from tellerline.config import Config, load_config
from tellerline.config_reading import settings
from tellerline.errors import ConfigError


def _file(folder: Path, text: str) -> Path:
    path = folder / "tellerline.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_needs_to_be_set() -> None:
    config = load_config(None, {})
    assert config.agi.port == 4573
    assert config.sms.host is None


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    file = _file(tmp_path, '[agi]\nport = 4600\nhost = "10.0.0.5"\n')
    config = load_config(file, {"TELLERLINE_AGI_PORT": "4700", "TELLERLINE_AGI_ALLOW": "10.0.0.0/8, ::1/128"})
    assert (config.agi.port, config.agi.host) == (4700, "10.0.0.5")
    assert config.agi.allow == ("10.0.0.0/8", "::1/128")


def test_the_well_known_variables_are_understood_and_hidden() -> None:
    config = load_config(None, {"REDIS_URL": "redis://:hunter2@h/0", "DATABASE_URL": "postgresql://u:hunter2@h/d"})
    assert config.store.url is not None
    assert config.store.url.get_secret_value() == "redis://:hunter2@h/0"
    printed = repr(config) + "".join(setting.value for setting in settings(Config, config))
    assert "hunter2" not in printed


def test_the_file_may_be_named_in_the_environment(tmp_path: Path) -> None:
    file = _file(tmp_path, "[agi]\nport = 4601\n")
    assert load_config(None, {"TELLERLINE_CONFIG": str(file)}).agi.port == 4601


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("[agi]\nprot = 1\n", "agi.prot", ["toml:2", "Did you mean 'port'?"]),
        ("[agy]\nport = 1\n", "[agy]", ["toml:1", "Did you mean 'agi'?"]),
        ("[agi]\n\nport = 99999\n", "agi.port", ["toml:3", "65535", "Default: 4573"]),
        ('[agi]\nallow = ["10.0.0.1/8"]\n', "agi.allow", ["toml:2", "host bits", "10.0.0.0/24"]),
        ("agi = 3\n", "agi", ["[agi]"]),
        ("[agi\n", "", ["not TOML"]),
        ("[server]\ndrain_s = 0\n", "server.drain_s", ["toml:2", "greater than 0"]),
        ('[sms]\npassword = "123456789"\n', "sms.password", ["8 characters"]),
    ],
)
def test_a_wrong_setting_is_told_with_its_place_and_the_mend(
    tmp_path: Path, text: str, key: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(_file(tmp_path, text), {})
    assert caught.value.key == key or not key
    for word in words:
        assert word in str(caught.value)


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {"TELLERLINE_SMS_PASSWORD": "hunter2hunter2"})
    assert "hunter2" not in str(caught.value)
    assert "TELLERLINE_SMS_PASSWORD" in str(caught.value)


def test_a_misspelt_variable_of_a_known_section_is_told_and_foreign_ones_are_left_alone() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'port'"):
        load_config(None, {"TELLERLINE_AGI_PROT": "1"})
    assert load_config(None, {"TELLERLINE_PROOF": "1"}) == load_config(None, {})


def test_an_empty_variable_switches_off_what_may_be_off() -> None:
    assert load_config(None, {"TELLERLINE_HEALTH_PORT": ""}).health.port is None


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.toml", {})


def test_every_setting_says_what_it_means_and_times_say_their_unit() -> None:
    for setting in settings(Config):
        assert setting.meaning.endswith("."), setting
        wanted = f"TELLERLINE_{setting.section}_{setting.key}".replace(".", "_").upper()
        assert setting.variable == ("" if "[]" in setting.section else wanted)
        if any(word in setting.key for word in ("timeout", "limit", "reconnect", "ping")):
            assert setting.key.endswith(("_s", "_per_hour", "_first_s", "_most_s")), setting
