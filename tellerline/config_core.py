"""The settings of the core bank, ``[core]``, and of the embedded bank's own HTTP face, ``[face]``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from tellerline.config_section import Count, Folder, Port, Seconds, Section

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CLIENT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Core(Section):
    """The bank that holds the accounts: the embedded one, or another over HTTP (GSMA Mobile Money API 1.2)."""

    kind: Literal["embedded", "http"] = Field(default="embedded", description="Where accounts and money are.")
    url: str | None = Field(default=None, description="The other bank's API, as https://core.bank.example/mm.")
    token_url: str | None = Field(
        default=None, description='OAuth2 token address; without one /oauth2/token of url. "": no OAuth2.'
    )
    client_id: str = Field(default="", description="Who this server is to the bank (OAuth2 client credentials).")
    client_secret: SecretStr = Field(default=SecretStr(""), description="Its secret.")
    own_account: str | None = Field(
        default=None, description="This server's own account there; without one organisationid@ and client_id."
    )
    ca_file: Folder | None = Field(default=None, description="Who signed the bank's certificate; else the system's.")
    certificate: Folder | None = Field(default=None, description="Our certificate, where the bank wants one (PEM).")
    key: Folder | None = Field(default=None, description="Its key (PEM).")
    timeout_s: Seconds = Field(default=8, description="Longest wait for a last word, repetitions and polls included.")
    attempt_s: Seconds = Field(default=3, description="Longest wait for one answer.")
    attempts: int = Field(default=3, ge=1, le=10, description="A request is sent so often at most.")
    repeat_changes: bool = Field(
        default=True, description="The bank knows X-CorrelationID again, so what had no answer may be sent once more."
    )
    poll_s: Seconds = Field(default=0.25, description="A request that is under way there is asked about that often.")
    failures_to_open: Count = Field(default=5, description="After so many failures in a row the bank is left alone.")
    open_s: Seconds = Field(default=10, description="For so long; then one request tries.")
    callback_url: str | None = Field(
        default=None, description="How the bank reaches callback_port. Without one, states are only asked for."
    )
    callback_host: str = Field(default="127.0.0.1", description="Address to listen on for the bank's callbacks.")
    callback_port: Port = Field(default=8644, description="Port to listen on for them; 0 takes any free one.")

    @field_validator("url", "token_url", "callback_url")
    @classmethod
    def _web(cls, value: str | None) -> str | None:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("write an address as https://core.bank.example/mm")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("money goes by https; http is for this machine only")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "http" and self.url is None:
            raise ValueError("a core of the kind http needs its url")
        if self.kind == "http" and self.token_url != "" and not self.client_id:
            raise ValueError('client_id and client_secret are missing; token_url = "" goes without them')
        return self


class Face(Section):
    """``tellerline bank serve``: the embedded bank for other systems, by the GSMA Mobile Money API 1.2."""

    host: str = Field(default="127.0.0.1", description="Address to listen on. Any but this machine's own needs TLS.")
    port: Port = Field(default=8643, description="Port to listen on; 0 takes any free one.")
    certificate: Folder | None = Field(default=None, description="The face's certificate (PEM).")
    key: Folder | None = Field(default=None, description="Its key (PEM).")
    client_ca: Folder | None = Field(default=None, description="Who signed the clients' certificates; without, none.")
    clients: dict[str, str] = Field(
        default={}, description="SHA-256 of each client's secret, by its id; `tellerline bank client` makes them."
    )
    callbacks: dict[str, tuple[str, ...]] = Field(
        default={}, description="How a client's X-Callback-URL may begin, by its id."
    )
    scopes: dict[str, tuple[Literal["read", "transfer", "reverse"], ...]] = Field(
        default={}, description="What a client may do, by its id: read, transfer, reverse. Without: read."
    )
    per_client_s: Count = Field(default=200, description="Requests of one client a second; more come later.")
    body_within_s: Seconds = Field(default=10, description="A body that comes slower is not waited for.")
    answer_within_s: Seconds = Field(default=2, description="What takes longer is answered 202 and asked about.")
    max_at_once: Count = Field(default=200, description="Requests at once; the next one is told to come later.")
    drain_s: Seconds = Field(default=30, description="After SIGTERM, what was taken on has this long to finish.")

    @field_validator("clients")
    @classmethod
    def _digests(cls, value: dict[str, str]) -> dict[str, str]:
        for client, digest in value.items():
            if _CLIENT.fullmatch(client) is None or _SHA256.fullmatch(digest) is None:
                raise ValueError(f"'{client}': an id of letters and digits, and 64 hex digits of its secret's SHA-256")
        return value

    @model_validator(mode="after")
    def _known(self) -> Self:
        if strangers := sorted(set(self.scopes) - set(self.clients)):
            raise ValueError(f"scopes of {', '.join(strangers)}, who is none of the clients")
        return self

    @field_validator("callbacks")
    @classmethod
    def _beginnings(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for begins in (begin for several in value.values() for begin in several):
            parts = urlsplit(begins)
            if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.endswith("/"):
                raise ValueError(f"'{begins}' is no beginning of an address: end it with a slash")
        return value

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if self.host not in _LOOPBACK and self.certificate is None:
            raise ValueError(f"on {self.host} others can listen: set certificate and key")
        return self

    def tls_files(self) -> tuple[Path, Path] | None:
        """Answer certificate and key, or None."""
        return (self.certificate, self.key) if self.certificate is not None and self.key is not None else None
