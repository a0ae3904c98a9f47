"""Every setting of the server, with its unit, its default and its meaning: a TOML file, then the environment.

``TELLERLINE_<SECTION>_<KEY>`` overrides the file; ``REDIS_URL`` and ``DATABASE_URL`` are understood as everywhere.
What cannot be used is a :class:`~tellerline.errors.ConfigError` that names the key, the place and the mend.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from tellerline.config_codes import Codes
from tellerline.config_core import Core, Face
from tellerline.config_missed_call import MissedCall
from tellerline.config_reading import read_settings
from tellerline.config_section import Count, Folder, Port, Seconds, Section
from tellerline.config_sms import Sms
from tellerline.config_transfers import Transfers

__all__ = [
    "Agi",
    "Ami",
    "Bank",
    "Callbacks",
    "Codes",
    "Config",
    "Core",
    "Face",
    "Flows",
    "Health",
    "MissedCall",
    "Pin",
    "Server",
    "Sms",
    "Sounds",
    "Store",
    "Transfers",
    "load_config",
]


class Server(Section):
    """The process itself."""

    state_dir: Folder = Field(
        default=Path("~/.local/state/tellerline"),
        description="Folder of what must survive: the bank, the store, the keys. Made with mode 0700.",
    )
    drain_s: Seconds = Field(default=60, description="After SIGTERM, calls in progress have this long to finish.")
    log_format: Literal["json", "console"] = Field(default="json", description="How log lines are written.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="From this level up.")
    uvloop: bool = Field(default=True, description="Use uvloop where it is installed (the 'fast' extra).")

    @field_validator("state_dir")
    @classmethod
    def _home(cls, value: Path) -> Path:
        return value.expanduser()


class Agi(Section):
    """FastAGI: where Asterisk brings the calls."""

    host: str = Field(default="127.0.0.1", description="Address to listen on. AGI has no password: keep it private.")
    port: Port = Field(default=4573, description="Port to listen on; 0 takes any free one.")
    allow: tuple[str, ...] = Field(
        default=("127.0.0.0/8", "::1/128"), description="Networks that may connect: your Asterisk hosts."
    )
    max_calls: Count = Field(default=600, description="Calls at once; the next one is told or sent on.")
    max_waiting: Count = Field(default=60, description="Callers beyond that who may hear the busy prompt at once.")
    say_busy: bool = Field(
        default=False, description="Tell callers beyond max_calls that all lines are busy, instead of the next server."
    )
    header_timeout_s: Seconds = Field(default=5, description="Longest wait for the header of a new connection.")
    command_timeout_s: Seconds = Field(
        default=10, description="Longest wait for an answer beyond the time that the command itself takes."
    )
    after_left_s: Seconds = Field(
        default=30, description="After a hangup, the dialogue has this long to end; money in flight is not cut."
    )
    call_limit_s: Seconds = Field(default=1800, description="Longest call; then it is ended politely.")
    sound_prefix: str = Field(
        default="tellerline",
        description="Sounds folder as Asterisk sees it: below its sounds directory, or an absolute path.",
    )
    record_prefix: str = Field(
        default="/var/spool/asterisk/tellerline",
        description="Folder of callers' messages as Asterisk sees it; Asterisk writes there, and makes no folder.",
    )
    flow: str = Field(default="retail", description="Flow that calls begin in.")

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(f"{error}; write networks as 10.0.0.0/24") from error
        return value


class Ami(Section):
    """The Asterisk Manager Interface: events and outbound. Without a host it is not used."""

    host: str | None = Field(default=None, description="Asterisk's address.")
    port: Port = Field(default=5038, description="Asterisk's manager port.")
    username: str = Field(default="tellerline", description="Manager user; deploy/asterisk has one with few rights.")
    secret: SecretStr = Field(default=SecretStr(""), description="Its password.")
    connect_timeout_s: Seconds = Field(default=5, description="Longest wait for connection, greeting and login.")
    action_timeout_s: Seconds = Field(default=5, description="Longest wait for the answer to an action.")
    ping_interval_s: Seconds = Field(default=10, description="A Ping that often.")
    pong_timeout_s: Seconds = Field(default=5, description="A Ping unanswered for this long closes the connection.")
    reconnect_first_s: Seconds = Field(default=0.5, description="First pause before connecting again; then it doubles.")
    reconnect_most_s: Seconds = Field(default=30, description="Longest pause before connecting again.")


class Store(Section):
    """Dialogue sessions, inbox and outbox."""

    url: SecretStr | None = Field(
        default=None, description="Valkey or Redis (or REDIS_URL). Without one a Valkey server is started as a child."
    )


class Bank(Section):
    """The embedded bank."""

    database_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL (or DATABASE_URL). Without one: SQLite in the state folder."
    )
    demo: bool = Field(default=False, description="Fill an empty bank with the demo customers. Never on a real line.")
    recover_s: Seconds = Field(default=60, description="Transfers without a last word are asked about that often.")
    anchor_s: Seconds = Field(default=60, description="The audit chain's head is told outside the database that often.")
    anchor_dir: Folder | None = Field(
        default=None,
        description="Folder of the anchors; best of another owner or machine. Without one: in the state folder.",
    )
    region: str = Field(
        default="CN", pattern=r"^[A-Z]{2}$", description="Country of numbers written without their code."
    )


class Pin(Section):
    """The service PIN: how often it may be wrong, and how long a proof lasts."""

    failures_to_lock: int = Field(default=5, ge=1, le=100, description="Wrong PINs and codes in a row that lock.")
    delays_s: tuple[Annotated[float, Field(ge=0, le=86_400)], ...] = Field(
        default=(0, 30, 300, 3600), description="Waits after the 1st, 2nd, ... failure; one fewer than locks."
    )
    idle_s: Seconds = Field(default=300, description="A proof that nobody used for this long is asked for again.")

    @model_validator(mode="after")
    def _one_delay_a_failure(self) -> Self:
        if len(self.delays_s) != self.failures_to_lock - 1:
            raise ValueError(f"delays_s needs {self.failures_to_lock - 1} waits: one for each failure before the lock")
        return self


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Callbacks(Section):
    """By when somebody calls a customer who asked for it."""

    workdays: tuple[Weekday, ...] = Field(
        default=("mon", "tue", "wed", "thu", "fri"), min_length=1, description="Days on which customers are called."
    )
    same_day_until: datetime.time = Field(
        default=datetime.time(15, 0), description="Who asks before is called that day, else on the next one (HH:MM)."
    )
    holidays: tuple[datetime.date, ...] = Field(default=(), description="Days on which nobody is called (YYYY-MM-DD).")
    most_open_per_line: Count = Field(default=3, description="Requests that one line may have open at once.")


class Flows(Section):
    """The call flows."""

    dir: Folder | None = Field(
        default=None, description="Folder of flow files; without one the flows that come with it."
    )
    serve: Literal["published", "folder"] = Field(
        default="published",
        description="What callers get: what was published, or (for development) every saved change at once.",
    )
    reload_s: Seconds = Field(default=0.5, description="A new version, or a changed file, is looked for that often.")
    four_eyes: Literal["money", "always", "never"] = Field(
        default="money", description="Which flows somebody other than their author must approve: those that move money."
    )
    draft_number: str | None = Field(
        default=None,
        pattern=r"^\+?[0-9*#]{2,20}$",
        description="The number, as Asterisk brings it, on which a draft can be called before it is live.",
    )
    draft_callers: tuple[str, ...] = Field(
        default=(), description="Who may call it, as +8613900000001; all others get the live flow there."
    )
    keep_versions: int = Field(
        default=50, ge=2, le=500, description="So many versions can be gone back to; those of open dialogues stay too."
    )

    @field_validator("draft_callers")
    @classmethod
    def _numbers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number in value:
            if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
                raise ValueError(f"'{number}' is no number with its country code; write +8613900000001")
        return value


class Sounds(Section):
    """The catalogue and its recordings."""

    dir: Folder | None = Field(default=None, description="Folder of the sounds; without one those that come with it.")


class Health(Section):
    """The pages /health/live, /health/ready and /metrics. Without a port there are none."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port | None = Field(default=8573, description="Port to listen on; 0 takes any free one.")


class Config(Section):
    """All settings."""

    server: Server = Server()
    agi: Agi = Agi()
    ami: Ami = Ami()
    sms: Sms = Sms()
    store: Store = Store()
    bank: Bank = Bank()
    core: Core = Core()
    face: Face = Face()
    pin: Pin = Pin()
    transfers: Transfers = Transfers()
    callbacks: Callbacks = Callbacks()
    codes: Codes = Codes()
    missed_call: MissedCall = MissedCall()
    flows: Flows = Flows()
    sounds: Sounds = Sounds()
    health: Health = Health()


def load_config(file: Path | None = None, environ: Mapping[str, str] | None = None, *, secrets: bool = True) -> Config:
    """Read the settings: ``file`` (or the one that TELLERLINE_CONFIG names), then the environment over it.

    Without ``secrets``, passwords that lie elsewhere are not fetched: a machine that checks a file need not have them.

    Raises:
        ConfigError: a setting is unknown, wrong or unreadable; ``key`` and ``fix`` say which and what to do.
    """
    environment = os.environ if environ is None else environ
    if file is None and environment.get("TELLERLINE_CONFIG"):
        file = Path(environment["TELLERLINE_CONFIG"])
    return read_settings(Config, file, environment, secrets=secrets)
