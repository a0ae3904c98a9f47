"""OAuth2 client credentials (RFC 6749 §4.4): who may talk to the face, and the tokens that prove it."""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

from core_client.ports.clock import Clock

TOKEN_LIFE_S = 600
_PURPOSE = b"tellerline bank face: access tokens"
_NOBODY = hashlib.sha256(b"nobody").hexdigest()


@dataclass(frozen=True, slots=True)
class Granted:
    """A token and how long it lasts."""

    token: str
    lasts_s: int


class Tokens:
    """Gives tokens to clients that know their secret, and reads them again. Stateless: any node reads any node's."""

    def __init__(self, clients: Mapping[str, str], key: bytes, clock: Clock) -> None:
        """Make one.

        Args:
            clients: by client id, the SHA-256 of the secret in hex. The secrets are 256 random bits: no slow hash.
            key: of the nodes of one bank; the signing key is made from it.
            clock: tells when a token has lapsed.
        """
        self._clients = clients
        self._key = hmac.digest(key, _PURPOSE, "sha256")
        self._clock = clock

    def grant(self, client: str, secret: str) -> Granted | None:
        """Answer a token, or None when the secret is not that client's."""
        digest = hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
        known = hmac.compare_digest(digest, self._clients.get(client, _NOBODY))
        if not known or client not in self._clients:
            return None
        until = self._clock.now() + datetime.timedelta(seconds=TOKEN_LIFE_S)
        told = json.dumps({"client": client, "until": int(until.timestamp())}, sort_keys=True).encode()
        return Granted(f"{_coded(told)}.{_coded(self._mac(told, client))}", TOKEN_LIFE_S)

    def client_of(self, token: str) -> str | None:
        """Answer whose token this is; None: not ours, changed, lapsed, or of a client that is no longer there."""
        told, _, mac = token.partition(".")
        try:
            raw = base64.urlsafe_b64decode(told)
            read = json.loads(raw)
            client, until = str(read["client"]), float(read["until"])
            signed = hmac.compare_digest(base64.urlsafe_b64decode(mac), self._mac(raw, client))
        except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
            return None
        if not signed or client not in self._clients or self._clock.now().timestamp() >= until:
            return None
        return client

    def _mac(self, told: bytes, client: str) -> bytes:
        """Sign; a secret that was changed since ends what it was given, at once."""
        return hmac.digest(self._key, told + b"|" + self._clients.get(client, _NOBODY).encode(), "sha256")


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()
