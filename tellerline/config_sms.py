"""The settings of SMS: ``[sms]`` and what lies below it, but the operators (:mod:`tellerline.config_operators`)."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from sms.messages import Purpose
from tellerline.config_operators import (
    OperatorConfig,
    TlsFiles,
    over_default,
    short_password,
    twice,
    with_password,
)
from tellerline.config_people import People
from tellerline.config_section import Count, Folder, LongSeconds, Port, Seconds, Section

DAY_S = 86_400.0
MAX_HOLD_S = 2.0  # operators wait some seconds for an acknowledgement, and their windows fill meanwhile


class Alarms(Section):
    """When somebody is told that texts wait too long, and the health page says degraded."""

    queue_age_s: dict[Purpose, LongSeconds] = Field(
        default={
            Purpose.CODE: 15,
            Purpose.ANSWER: 30,
            Purpose.RESULT: 60,
            Purpose.ALERT: 900,
            Purpose.CAMPAIGN: 14_400,
        },
        description="Oldest text that waits, by purpose; waiting for the morning does not count.",
    )
    again_s: Seconds = Field(default=300, description="As long as it stays so, it is told that often.")
    look_s: Seconds = Field(default=5, description="The queues are looked at that often.")

    @field_validator("queue_age_s", mode="before")
    @classmethod
    def _others_as_ever(cls, value: Any) -> Any:
        return over_default(cls, "queue_age_s", value)


class Sms(Section):
    """The operators that carry texts. Without a host and without operators there is no SMS."""

    host: str | None = Field(default=None, description="The SMSC's address, where there is one operator with one bind.")
    port: Port = Field(default=2775, description="The SMSC's SMPP port.")
    system_id: str = Field(default="tellerline", max_length=15, description="SMPP system_id, 15 characters at most.")
    password: SecretStr = Field(default=SecretStr(""), description="SMPP password, 8 characters at most.")
    password_file: Folder | None = Field(default=None, description="File that holds the password instead.")
    system_type: str = Field(default="", max_length=12, description="SMPP system_type, where the SMSC wants one.")
    tls: TlsFiles | None = Field(default=None, description="Encryption: true, or its files; none: in the clear.")
    per_second: float = Field(
        default=0, ge=0, le=100_000, description="submit_sm PDUs a second, each part counted; 0: no limit."
    )
    receipts: bool = Field(default=False, description="Ask the SMSC for a delivery receipt of every text.")
    operators: tuple[OperatorConfig, ...] = Field(
        default=(), description="Several operators, or several binds, instead of the keys above."
    )
    short_code: str = Field(
        default="95500", pattern=r"^\d{3,15}$", description="The bank's number that answers are sent from."
    )
    flow: str = Field(default="retail", description="Flow that texts begin in.")
    window: Count = Field(default=10, description="Requests under way at once on one bind.")
    node: str = Field(
        default="main", pattern=r"^[a-z0-9-]{1,32}$", description="Name of this process; two at once need two names."
    )
    connect_timeout_s: Seconds = Field(default=10, description="Longest wait for the connection.")
    bind_timeout_s: Seconds = Field(default=10, description="Longest wait for the answer to bind.")
    response_timeout_s: Seconds = Field(default=10, description="Longest wait for the answer to any other request.")
    enquire_link_s: Seconds = Field(default=30, description="After this long without traffic the link is asked.")
    reconnect_first_s: Seconds = Field(default=0.5, description="First pause before connecting again; then it doubles.")
    reconnect_most_s: Seconds = Field(default=60, description="Longest pause before connecting again.")
    duplicate_window_s: Seconds = Field(
        default=120, description="A text equal to one received within this time is the same text."
    )
    max_backlog: Count = Field(default=10_000, description="Texts stored and not answered; beyond it the SMSC waits.")
    busy_status: Literal["rx_t_appn", "rmsgqful"] = Field(
        default="rx_t_appn", description="What an SMSC is told beyond max_backlog: come again later."
    )
    parts_expiry_s: Seconds = Field(
        default=300, description="Parts of a long text that are still missing then do not come any more."
    )
    hold_s: float = Field(
        default=0.05,
        ge=0,
        le=MAX_HOLD_S,
        description="An enquiry is answered before it is stored if that takes no longer; 0: it is stored first.",
    )
    help_per_hour: Count = Field(
        default=3, description="Help texts to one number in an hour, for texts not understood."
    )
    keep_s: LongSeconds = Field(
        default=7 * DAY_S, description="How long the life of a text can be looked up after its last change."
    )
    expires_s: dict[Purpose, LongSeconds] = Field(
        default={
            Purpose.CODE: 600,
            Purpose.ANSWER: DAY_S,
            Purpose.RESULT: DAY_S,
            Purpose.ALERT: DAY_S,
            Purpose.CAMPAIGN: DAY_S,
        },
        description="A text that could not be sent within this time is not sent any more, by its purpose.",
    )
    people: People = Field(default=People(), description="What people are owed.")
    alarms: Alarms = Field(default=Alarms(), description="When texts wait too long.")

    @model_validator(mode="before")
    @classmethod
    def _read_password(cls, data: Any, info: ValidationInfo) -> Any:
        return with_password(data, info)

    @field_validator("password")
    @classmethod
    def _short(cls, value: SecretStr) -> SecretStr:
        return short_password(value)

    @field_validator("tls", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        return ({} if value else None) if isinstance(value, bool) else value

    @field_validator("expires_s", mode="before")
    @classmethod
    def _others_as_ever(cls, value: Any) -> Any:
        return over_default(cls, "expires_s", value)

    @field_validator("operators")
    @classmethod
    def _names(cls, value: tuple[OperatorConfig, ...]) -> tuple[OperatorConfig, ...]:
        name = twice(operator.name for operator in value)
        if name is not None:
            raise ValueError(f"two operators of the name '{name}'")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.operators and self.host is not None:
            raise ValueError("host and [[sms.operators]] are both set: move the host into a bind of an operator")
        return self

    @property
    def on(self) -> bool:
        """Whether there is anybody to carry texts."""
        return self.host is not None or bool(self.operators)
