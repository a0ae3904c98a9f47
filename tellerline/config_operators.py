"""The settings of SMS operators and the binds to them: ``[[sms.operators]]`` and ``[[sms.operators.binds]]``."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from sms.messages import Purpose
from sms.operators import Alphabet, LongTexts, Mode, ReceiptIds
from sms.smpp import Tag
from sms.text import gsm0338
from sms.text.national_tables import LANGUAGES
from tellerline.config_section import Count, Folder, LongSeconds, Port, Seconds, Section

MAX_PASSWORD = 8  # SMPP 3.4 §4.1.1: nine octets with the zero at their end; what is longer is cut silently
MAX_PASSWORD_FILE_BYTES = 256
MAX_SENDER_NAME = 11  # septets of an alphanumeric address (3GPP TS 23.040 §9.1.2.5)
MAX_TLV_OCTETS = 255
NOT_FETCHED = "(hidden)"  # in the place of a password that lies elsewhere, where none is needed
PASSWORD_VARIABLES = "TELLERLINE_SMS_PASSWORD_"  # noqa: S105 - the beginning of names that are free for `password_env`

# §5.2.6 lists no other numbering plan.
NPIS = frozenset({0, 1, 3, 4, 6, 8, 9, 10, 14, 18})
# What the gateway writes itself: a second one would contradict it.
_OUR_TAGS = frozenset({Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM, Tag.MESSAGE_PAYLOAD})
_PREFIX = re.compile(r"(\+[1-9][0-9]{0,14})?")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,15}")
_NAME = r"^[a-z0-9][a-z0-9-]{0,31}$"

Name = Annotated[str, Field(pattern=_NAME)]
TonNpi = tuple[int, int]
Text = TypeVar("Text", bound=str)


class TlsFiles(Section):
    """How a bind is encrypted. `tls = true` alone trusts the system's authorities and shows no certificate."""

    ca_file: Folder | None = Field(default=None, description="Authorities to trust, PEM; none: the system's.")
    cert_file: Folder | None = Field(default=None, description="Our certificate, PEM, where the operator wants one.")
    key_file: Folder | None = Field(default=None, description="Its private key, PEM; none: it is in cert_file.")
    server_name: str = Field(default="", description="Name that the operator's certificate has; empty: the host.")

    @field_validator("ca_file", "cert_file", "key_file")
    @classmethod
    def _there(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
        file = value.expanduser()
        try:
            with file.open("rb"):
                return file
        except OSError as error:
            raise ValueError(f"{file}: {error.strerror}") from error

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file without cert_file: a key is of no use without its certificate")
        return self


class Tlv(Section):
    """An optional parameter of the operator's own, sent with every submit_sm."""

    tag: int = Field(ge=1, le=0xFFFF, description="Its tag, as 0x1400.")
    hex: str | None = Field(default=None, description='Its value in hexadecimal, as "01ff".')
    text: str | None = Field(default=None, description="Its value as ASCII text; a zero at its end is not added.")

    @field_validator("tag")
    @classmethod
    def _not_ours(cls, value: int) -> int:
        if value in _OUR_TAGS:
            raise ValueError(f"0x{value:04x} is written by the gateway itself, see long_texts")
        return value

    @field_validator("hex")
    @classmethod
    def _octets(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"([0-9a-fA-F]{2})*", value.replace(" ", "")):
            raise ValueError("not hexadecimal: two digits an octet, as in 01ff")
        return value

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if (self.hex is None) == (self.text is None):
            raise ValueError('one value is wanted: hex = "01ff", or text = "abc"')
        if self.text is not None and not self.text.isascii():
            raise ValueError("text has letters beyond ASCII: write the octets with hex")
        if len(self.octets) > MAX_TLV_OCTETS:
            raise ValueError(f"{len(self.octets)} octets, {MAX_TLV_OCTETS} at most")
        return self

    @property
    def octets(self) -> bytes:
        """The value as it is sent."""
        return bytes.fromhex(self.hex) if self.hex is not None else (self.text or "").encode("ascii")

    def __str__(self) -> str:
        return f"0x{self.tag:04x}={self.octets.hex()}"


class BindConfig(Section):
    """One connection to an operator. What is not set here is as in [sms]."""

    name: Name = Field(default="main", description="Its name among the operator's binds.")
    host: str = Field(min_length=1, description="The SMSC's address.")
    port: Port = Field(default=2775, description="The SMSC's SMPP port.")
    mode: Mode = Field(default=Mode.TRANSCEIVER, description="What it is for: sending, receiving, or both.")
    system_id: str = Field(default="tellerline", max_length=15, description="SMPP system_id, 15 characters at most.")
    password: SecretStr = Field(default=SecretStr(""), description="SMPP password, 8 characters at most.")
    password_file: Folder | None = Field(default=None, description="File that holds the password instead.")
    password_env: str | None = Field(default=None, description="Environment variable that holds it instead.")
    system_type: str = Field(default="", max_length=12, description="SMPP system_type, where the SMSC wants one.")
    version: Literal["3.3", "3.4", "5.0"] = Field(default="3.4", description="SMPP version that is announced.")
    addr_ton: int = Field(default=0, ge=0, le=6, description="addr_ton of the bind.")
    addr_npi: int = Field(default=0, description="addr_npi of the bind.")
    address_range: str = Field(default="", max_length=40, description="address_range of the bind.")
    tls: TlsFiles | None = Field(default=None, description="Encryption: true, or its files; none: in the clear.")
    single: bool = Field(default=False, description="May exist once over all nodes: held by lease.")
    window: Count | None = Field(default=None, description="Requests under way at once.")
    per_second: float = Field(
        default=0, ge=0, le=100_000, description="submit_sm PDUs a second, each part counted; 0: no limit."
    )
    connect_timeout_s: Seconds | None = Field(default=None, description="Longest wait for the connection.")
    bind_timeout_s: Seconds | None = Field(default=None, description="Longest wait for the answer to bind.")
    response_timeout_s: Seconds | None = Field(default=None, description="Longest wait for any other answer.")
    enquire_link_s: Seconds | None = Field(default=None, description="After this long without traffic it is asked.")
    reconnect_first_s: Seconds | None = Field(default=None, description="First pause before connecting again.")
    reconnect_most_s: Seconds | None = Field(default=None, description="Longest pause before connecting again.")

    @model_validator(mode="before")
    @classmethod
    def _read_password(cls, data: Any, info: ValidationInfo) -> Any:
        return with_password(data, info)

    @field_validator("version", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return f"{value:.1f}" if isinstance(value, float) else value

    @field_validator("tls", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        return ({} if value else None) if isinstance(value, bool) else value

    @field_validator("password")
    @classmethod
    def _short(cls, value: SecretStr) -> SecretStr:
        return short_password(value)

    @field_validator("addr_npi")
    @classmethod
    def _plan(cls, value: int) -> int:
        return _known_npi(value)


class OperatorConfig(Section):
    """A carrier of texts, all that is peculiar to it, and the binds to it."""

    name: Name = Field(description="Its name in routes, logs and figures.")
    binds: tuple[BindConfig, ...] = Field(description="The connections to it.")
    prefixes: tuple[str, ...] = Field(
        default=("",), min_length=1, description='Beginnings of the numbers that it serves, as "+86"; "" is everybody.'
    )
    cost: int = Field(default=0, ge=0, le=1_000_000_000, description="Of one part, in any unit; only compared.")
    senders: tuple[str, ...] = Field(
        default=(), description="Numbers and names that it lets through as senders; the first is used where none is."
    )
    alphabets: tuple[Alphabet, ...] = Field(
        default=(Alphabet.GSM, Alphabet.UCS2), min_length=1, description="Alphabets that it takes."
    )
    national: tuple[str, ...] = Field(
        default=(), description="Languages of national shift tables, with the alphabet gsm_national, as tr, es, pt."
    )
    long_texts: LongTexts = Field(default=LongTexts.UDH8, description="How parts of a long text are marked.")
    receipts: bool = Field(default=False, description="Ask for a delivery receipt of every part.")
    receipt_ids: ReceiptIds = Field(
        default=ReceiptIds.AUTO, description="How its receipts write the id that submit_sm_resp gave."
    )
    ton_npi: dict[Literal["international", "short", "name"], TonNpi] = Field(
        default={"international": (1, 1), "short": (0, 1), "name": (5, 0)},
        description="TON and NPI of addresses, by their kind.",
    )
    tlvs: tuple[Tlv, ...] = Field(default=(), description='Own parameters to send, as {tag = 0x1400, hex = "01"}.')
    service_type: str = Field(default="", max_length=5, description="service_type of every text.")
    priority: dict[Purpose, Annotated[int, Field(ge=0, le=3)]] = Field(
        default={}, description="priority_flag, 0 to 3, by purpose of the text."
    )
    validity_s: dict[Purpose, LongSeconds] = Field(
        default={}, description="How long it may try to deliver, by purpose of the text; else as it likes."
    )

    @field_validator("prefixes")
    @classmethod
    def _prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            if not _PREFIX.fullmatch(prefix):
                raise ValueError(f"'{prefix}' is no beginning of a number: write it as +86, or \"\" for everybody")
        return _each_once(value, "prefix")

    @field_validator("senders")
    @classmethod
    def _senders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for sender in value:
            check_sender(sender)
        return _each_once(value, "sender")

    @field_validator("alphabets")
    @classmethod
    def _alphabets(cls, value: tuple[Alphabet, ...]) -> tuple[Alphabet, ...]:
        return _each_once(value, "alphabet")

    @field_validator("national")
    @classmethod
    def _languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for language in value:
            if language not in LANGUAGES:
                raise ValueError(f"'{language}' has no national table; there are {', '.join(LANGUAGES)}")
        return _each_once(value, "language")

    @field_validator("ton_npi", mode="before")
    @classmethod
    def _others_as_ever(cls, value: Any) -> Any:
        return over_default(cls, "ton_npi", value)

    @field_validator("ton_npi")
    @classmethod
    def _in_range(cls, value: dict[str, TonNpi]) -> dict[str, TonNpi]:
        for kind, (ton, npi) in value.items():
            if not 0 <= ton <= 6:
                raise ValueError(f"{kind}: TON {ton} is none; they are 0 to 6 (SMPP 3.4 §5.2.5)")
            _known_npi(npi)
        return value

    @field_validator("tlvs")
    @classmethod
    def _tags(cls, value: tuple[Tlv, ...]) -> tuple[Tlv, ...]:
        _each_once(tuple(f"0x{tlv.tag:04x}" for tlv in value), "tag")
        return value

    @field_validator("binds")
    @classmethod
    def _both_ways(cls, value: tuple[BindConfig, ...]) -> tuple[BindConfig, ...]:
        if not value:
            raise ValueError("no bind: write [[sms.operators.binds]] below it, with its host")
        _each_once(tuple(bind.name for bind in value), "bind's name")
        modes = {bind.mode for bind in value}
        if modes == {Mode.TRANSMITTER}:
            raise ValueError("a transmitter without a receiver: no text and no receipt would ever come in")
        if modes == {Mode.RECEIVER}:
            raise ValueError("a receiver without a transmitter: no text would ever go out")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.national and Alphabet.GSM_NATIONAL not in self.alphabets:
            raise ValueError('national needs "gsm_national" among the alphabets')
        if Alphabet.GSM_NATIONAL in self.alphabets and not self.national:
            raise ValueError('the alphabet gsm_national needs its languages, as national = ["tr"]')
        return self


# --- what operators and the simple keys of [sms] share ------------------------------------------------------------


def with_password(data: Any, info: ValidationInfo) -> Any:
    """Answer the raw settings of a bind with its password read from where they say that it is."""
    if not isinstance(data, Mapping):
        return data
    given = [key for key in ("password", "password_file", "password_env") if data.get(key)]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} are both set: keep one of them")
    if len(given) == 1 and given != ["password"] and info.context and not info.context["secrets"]:
        return {**data, "password": NOT_FETCHED}
    if data.get("password_file"):
        return {**data, "password": _from_file(Path(str(data["password_file"])).expanduser())}
    if data.get("password_env"):
        environ = info.context["environ"] if info.context else os.environ
        found = environ.get(str(data["password_env"]))
        if not found:
            raise ValueError(f"the environment has no {data['password_env']}, which should hold the password")
        return {**data, "password": found}
    return data


def _from_file(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            text = opened.read(MAX_PASSWORD_FILE_BYTES).decode("utf-8", "replace").strip()
    except OSError as error:
        raise ValueError(f"password_file {file}: {error.strerror}") from error
    if mode & 0o007:
        raise ValueError(f"password_file {file} is open to everybody ({mode:o}); mend it with chmod o= {file}")
    if not text:
        raise ValueError(f"password_file {file} is empty")
    return text


def short_password(value: SecretStr) -> SecretStr:
    """Refuse a password that would be cut.

    Raises:
        ValueError: it is too long. The password is not in the message.
    """
    if len(value.get_secret_value()) > MAX_PASSWORD:
        raise ValueError(f"longer than the {MAX_PASSWORD} characters that SMPP carries; it would be cut silently")
    return value


def check_sender(sender: str) -> None:
    """Refuse what no operator could carry as a sender.

    Raises:
        ValueError: it is neither a number nor a name of at most eleven letters of GSM 03.38.
    """
    if _NUMBER.fullmatch(sender):
        return
    if sender.startswith("+") or sender.isdigit() or not sender.strip():
        raise ValueError(f"'{sender}' is no sender: a number as +8613900000001, a short code, or a name")
    if not gsm0338.encodable(sender):
        raise ValueError(f"'{sender}' has letters that GSM 03.38 does not have: no operator carries it as a name")
    if len(gsm0338.encode(sender)) > MAX_SENDER_NAME:
        raise ValueError(f"'{sender}' is longer than the {MAX_SENDER_NAME} letters that a sender's name has")


def over_default(model: type[Section], field: str, value: Any) -> Any:
    """Answer a table's keys over those of its default, so that one of them can be set alone."""
    default = model.model_fields[field].default
    return {**default, **value} if isinstance(value, Mapping) and isinstance(default, Mapping) else value


def _known_npi(value: int) -> int:
    if value not in NPIS:
        raise ValueError(f"NPI {value} is none; they are {', '.join(map(str, sorted(NPIS)))} (SMPP 3.4 §5.2.6)")
    return value


def _each_once(values: tuple[Text, ...], what: str) -> tuple[Text, ...]:
    found = twice(values)
    if found is not None:
        raise ValueError(f"the {what} '{found}' is there twice")
    return values


def twice(values: Iterable[str]) -> str | None:
    """Answer the first value that is there twice, or None."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return str(value)
        seen.add(value)
    return None
