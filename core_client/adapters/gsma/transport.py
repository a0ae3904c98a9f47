"""One request over HTTP, and what is known of it afterwards: answered, not sent, or sent without an answer."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote_plus

import aiohttp

from core_client.adapters.gsma.wire import Body
from core_client.domain.secret import Secret

MAX_ANSWER_BYTES = 1_000_000  # a hundred statement entries are a tenth of it
TOKEN_MARGIN_S = 30.0  # a token that would lapse on its way is not used
DEFAULT_TOKEN_S = 300.0  # where the bank does not say how long one lasts (RFC 6749 §5.1: expires_in is recommended)
MAX_CONNECTIONS = 64


class NotSentError(Exception):
    """No connection, no token: the bank has not seen the request."""


class NoAnswerError(Exception):
    """It was sent, at least in part, and nothing that can be read came back."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request. ``path`` is quoted already."""

    method: str
    path: str
    body: object | None = None
    correlation_id: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """Its answer; ``body`` is None when it is no JSON."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """Sends one request, once."""

    async def send(self, request: WireRequest, timeout_s: float) -> WireAnswer:
        """Send it and answer what came back.

        Raises:
            NotSentError: the bank has not seen it.
            NoAnswerError: it may have.
        """
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the bank is, and who we are to it.

    ``token_url`` empty: no OAuth2, as behind a proxy of your own that adds what is needed.
    """

    url: str
    token_url: str = ""
    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def tls(self) -> ssl.SSLContext:
        """Answer the TLS settings: 1.2 at least, the bank's name checked, our certificate where the bank wants one.

        Raises:
            OSError: a file cannot be read or is no certificate.
        """
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


class HttpTransport:
    """:class:`Transport` on aiohttp, with OAuth2 client credentials (RFC 6749 §4.4)."""

    def __init__(self, endpoint: Endpoint, session: aiohttp.ClientSession) -> None:
        self._endpoint = endpoint
        self._session = session
        self._token = ""
        self._token_until = 0.0
        self._fetching = asyncio.Lock()

    async def send(self, request: WireRequest, timeout_s: float) -> WireAnswer:
        """Send it; a token that the bank no longer takes is fetched anew, once."""
        try:
            async with asyncio.timeout(timeout_s):
                token = await self._bearer()
        except TimeoutError:
            raise NotSentError("no token in time") from None
        answer = await self._once(request, token, timeout_s)
        if answer.status == 401 and token:
            self._token = "" if self._token == token else self._token
            try:
                async with asyncio.timeout(timeout_s):
                    token = await self._bearer()
            except (TimeoutError, NotSentError):
                return answer
            answer = await self._once(request, token, timeout_s)
        return answer

    async def _once(self, request: WireRequest, token: str, timeout_s: float) -> WireAnswer:
        headers = {**self._endpoint.headers, **request.headers, "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if request.correlation_id is not None:
            headers["X-CorrelationID"] = request.correlation_id
        content = None
        if request.body is not None:
            content = json.dumps(request.body, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(request, headers, content)
        except aiohttp.ClientConnectorError as error:
            raise NotSentError(type(error).__name__) from None
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswerError(type(error).__name__) from None

    async def _exchange(self, request: WireRequest, headers: Mapping[str, str], content: bytes | None) -> WireAnswer:
        async with self._session.request(
            request.method,
            self._endpoint.url.rstrip("/") + request.path,
            params=dict(request.query),
            headers=headers,
            data=content,
            allow_redirects=False,  # a payment follows nobody elsewhere, nor does the token
        ) as answer:
            return WireAnswer(answer.status, await _json_of(answer), answer.headers)

    async def _bearer(self) -> str:
        if not self._endpoint.token_url:
            return ""
        loop = asyncio.get_running_loop()
        async with self._fetching:
            if self._token and loop.time() < self._token_until:
                return self._token
            endpoint = self._endpoint
            try:
                async with self._session.post(
                    endpoint.token_url,
                    data={"grant_type": "client_credentials"},
                    headers={"Authorization": _basic(endpoint.client_id, endpoint.client_secret)},
                    allow_redirects=False,
                ) as answer:
                    body = await _json_of(answer)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise NotSentError(f"no token: {type(error).__name__}") from None
            token = body.get("access_token") if isinstance(body, dict) else None
            if answer.status != 200 or not isinstance(token, str):
                raise NotSentError(f"no token: status {answer.status}")
            lasts = body.get("expires_in")
            lasts_s = float(lasts) if isinstance(lasts, int | float) else DEFAULT_TOKEN_S
            self._token = token
            self._token_until = loop.time() + max(lasts_s - TOKEN_MARGIN_S, lasts_s / 2)
            return token


def _basic(client_id: str, secret: Secret) -> str:
    """Both are form-encoded before they are joined (RFC 6749 §2.3.1)."""
    joined = f"{quote_plus(client_id)}:{quote_plus(secret.reveal())}"
    return f"Basic {base64.b64encode(joined.encode()).decode()}"


async def _json_of(answer: aiohttp.ClientResponse) -> Any:
    """Answer the JSON of an answer; None where it has none."""
    raw = await answer.content.read(MAX_ANSWER_BYTES + 1)
    while len(raw) <= MAX_ANSWER_BYTES and (more := await answer.content.read(MAX_ANSWER_BYTES + 1 - len(raw))):
        raw += more
    if len(raw) > MAX_ANSWER_BYTES:
        raise ValueError("an answer beyond all measure")
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None


def body_of(answer: WireAnswer) -> Body:
    """Answer the JSON object of an answer; empty where it is none."""
    return answer.body if isinstance(answer.body, dict) else {}


@contextlib.asynccontextmanager
async def open_transport(endpoint: Endpoint) -> AsyncIterator[HttpTransport]:
    """Open connections to the bank, kept and used again."""
    over_tls = any(url.startswith("https:") for url in (endpoint.url, endpoint.token_url))
    tls = endpoint.tls() if over_tls else True
    connector = aiohttp.TCPConnector(ssl=tls, limit=MAX_CONNECTIONS)
    none = aiohttp.ClientTimeout(total=None)  # every exchange has its own deadline
    async with aiohttp.ClientSession(
        connector=connector, timeout=none, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:
        yield HttpTransport(endpoint, session)
