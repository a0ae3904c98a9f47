"""The face put together: routes, who may ask, checks by the specification, error objects and nothing else."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import datetime
import json
import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote_plus

import aiohttp
import structlog
from aiohttp import web

from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.gsma.error_objects import ErrorObject, of_error
from core_client.adapters.gsma.wire import moment
from core_client.adapters.sql.http_requests import Asked, SqlHttpRequests
from core_client.adapters.sql.journals import SqlJournals
from core_client.errors import BankError, Unavailable
from tellerline.bank_face import codes, left_out, scopes, supporting, transactions
from tellerline.bank_face.accounts import Accounts
from tellerline.bank_face.calls import Answer, Call, FaceError, Handler
from tellerline.bank_face.doing import Doing, Kind
from tellerline.bank_face.scopes import LEAST, Rates, Scopes
from tellerline.bank_face.specification import MAX_FAULTS, Fault, Operation, Parameter, faults, operations
from tellerline.bank_face.tokens import Tokens

_log = structlog.get_logger()
_T = TypeVar("_T")
MAX_BODY_BYTES = 64 * 1024  # the largest body that the specification describes is far smaller
MAX_SECRET = 256
CALLBACK_ATTEMPTS = 5
KEPT = datetime.timedelta(days=400)  # refusals and quotations; what moved money stays
CALLBACK_TIMEOUT_S = 5.0
CALLBACK_PAUSE_S = 1.0
_WHOLE = re.compile(r"-?[0-9]{1,12}", re.ASCII)
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """How the face behaves."""

    clients: Mapping[str, str]  # by client id, the SHA-256 of the secret
    callbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by client id, how its URLs begin
    answer_within_s: float = 2.0  # then 202
    max_at_once: int = 200
    scopes: Scopes = field(default_factory=dict)  # by client id; who is not here may look only
    per_client_s: float = 200.0  # requests of one client a second
    body_within_s: float = 10.0  # a body that comes slower is not waited for


class Face:
    """The HTTP face of one open bank. ``app`` is what a server serves."""

    def __init__(self, bank: EmbeddedBank, key: bytes, settings: FaceSettings) -> None:
        """Make one.

        Args:
            bank: the open bank; its port ``bank`` is what moves money.
            key: what tokens are signed by: the same on every node of one bank.
            settings: who may ask, and how long they wait.
        """
        ports = bank.ports
        self._bank = bank
        self._settings = settings
        self._clock = ports.clock
        self._tokens = Tokens(settings.clients, key, ports.clock)
        self._http: aiohttp.ClientSession | None = None
        self._busy = 0
        self._rates = Rates(settings.per_client_s, time.monotonic)
        self._requests = requests = SqlHttpRequests(bank.database)
        journals = SqlJournals(bank.database)
        accounts = Accounts(ports.bank, ports.registry, journals)
        made = codes.Codes(ports.bank, accounts, requests, ports.randomness, ports.clock)
        moved = transactions.Transactions(ports.bank, accounts, made, journals, requests, ports.randomness)
        support = supporting.Supporting(requests, self._books_answer)
        quoted = supporting.Quotations(accounts, requests, ports.randomness)
        kinds: dict[str, Kind] = {
            codes.KIND: made,
            transactions.TRANSACTION: moved,
            transactions.REVERSAL: transactions.Reversals(ports.bank, journals),
            supporting.QUOTATION: quoted,
        }
        self.doing = Doing(requests, ports.clock, kinds, settings.answer_within_s, self._bring)
        for part in (made, moved, support, quoted):
            part.doing = self.doing
        self._handlers: dict[str, Handler] = {}
        for of_part in (accounts, made, moved, support, quoted):
            self._handlers.update(of_part.handlers())
        self.app = self._app()

    @property
    def implemented(self) -> frozenset[str]:
        """The operationIds that are not answered by 501."""
        return frozenset(self._handlers)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Be able to answer; at the end, finish what was taken on."""
        timeout = aiohttp.ClientTimeout(total=CALLBACK_TIMEOUT_S)
        await self._requests.prune(self._clock.now() - KEPT)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            self._http = session
            async with self.doing.open():
                yield

    async def _books_answer(self) -> bool:
        try:
            await self._bank.database.read(lambda tx: tx.control("SELECT 1"))
        except BankError:
            return False
        return True

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._answered])
        app.router.add_post(TOKEN_PATH, self._token)
        for operation in sorted(operations(), key=_literal_first):
            handler = self._handlers.get(operation.id)
            app.router.add_route(operation.method, operation.path, self._route(operation, handler))
        return app

    # --- every request ---

    @web.middleware
    async def _answered(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Turn whatever happens into an answer that the specification has."""
        if self._busy >= self._settings.max_at_once:
            return self._error(ErrorObject(503, "serviceUnavailable", "genericError", "too many at once"))
        self._busy += 1
        try:
            return await handler(request)
        except FaceError as error:
            return self._error(error.error)
        except BankError as error:
            if not isinstance(error, Unavailable):
                _log.warning("face.refused", error=type(error).__name__)
            return self._error(of_error(error))
        except web.HTTPRequestEntityTooLarge:
            return self._error(ErrorObject(400, "validation", "lengthError", f"at most {MAX_BODY_BYTES} bytes"))
        except web.HTTPNotFound:
            return self._error(ErrorObject(404, "identification", "identifierError", "no such path"))
        except web.HTTPMethodNotAllowed as error:
            answer = self._error(ErrorObject(405, "validation", "genericError", "no such method here"))
            answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
            return answer
        except Exception as error:  # noqa: BLE001 - a fault of ours is told to nobody outside
            _log.error("face.failed", error=type(error).__name__, method=request.method)
            return self._error(ErrorObject(500, "internal", "genericError"))
        finally:
            self._busy -= 1

    def _route(
        self, operation: Operation, handler: Handler | None
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def route(request: web.Request) -> web.StreamResponse:
            client = self._client(request)
            wait_s = self._rates.take(client)
            if wait_s is not None:
                answer = self._error(ErrorObject(503, "serviceUnavailable", "genericError", "too many of yours"))
                answer.headers["Retry-After"] = str(wait_s)
                return answer
            if handler is None:
                why = left_out.reason(operation)
                return self._error(ErrorObject(501, "businessRule", "requestDeclined", why))
            scopes.check(operation, self._settings.scopes.get(client, LEAST))
            return self._answer(await handler(await self._call(request, operation, client)))

        return route

    def _client(self, request: web.Request) -> str:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        client = self._tokens.client_of(token.strip()) if scheme.lower() == "bearer" else None
        if client is None:
            raise FaceError(ErrorObject(401, "authorisation", "clientAuthorisationError", "a bearer token is needed"))
        return client

    async def _call(self, request: web.Request, operation: Operation, client: str) -> Call:
        given = {"path": request.match_info, "query": request.query, "header": request.headers}
        found = [fault for one in operation.parameters for fault in _of_parameter(one, given[one.place])]
        body = None
        if not found and operation.body is not None:
            body = await self._in_time(_json_of(request))
            found = list(faults(operation.body, body))
        if found:
            raise FaceError(_invalid(found))
        callback = request.headers.get("X-Callback-URL")
        if callback is not None and not self._may_call(client, callback):
            raise FaceError(ErrorObject(400, "validation", "formatError", "this X-Callback-URL is not agreed"))
        return Call(
            client,
            operation,
            dict(request.match_info),
            dict(request.query),
            body,
            request.headers.get("X-CorrelationID"),
            callback,
        )

    async def _in_time(self, body: Awaitable[_T]) -> _T:
        """Who sends a byte now and then would hold one of the places for requests, for ever, and so many the face."""
        try:
            async with asyncio.timeout(self._settings.body_within_s):
                return await body
        except TimeoutError:
            raise FaceError(ErrorObject(400, "validation", "formatError", "the body came too slowly")) from None

    def _may_call(self, client: str, url: str) -> bool:
        """An address inside the bank's own network must not be reachable by naming it."""
        return any(url.startswith(prefix) for prefix in self._settings.callbacks.get(client, ()))

    # --- answers ---

    def _answer(self, answer: Answer) -> web.Response:
        headers = {**answer.headers, "X-Date": moment(self._clock.now()), "Cache-Control": "no-store"}
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        return web.json_response(answer.body, status=answer.status, headers=headers)

    def _error(self, error: ErrorObject) -> web.Response:
        body = {**error.body(), "errorDateTime": moment(self._clock.now())}
        answer = self._answer(Answer(error.status, body))
        if error.status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    async def _bring(self, url: str, asked: Asked, answer: Answer) -> None:
        """PUT what became of a request to the client's URL; who does not take it can ask for it."""
        assert self._http is not None  # noqa: S101 - open
        body = json.dumps(answer.body if answer.body is not None else {"result": "success"})
        headers = {"Content-Type": "application/json", "X-CorrelationID": asked.correlation_id}
        for attempt in range(CALLBACK_ATTEMPTS):
            try:
                async with self._http.put(url, data=body, headers=headers, allow_redirects=False) as taken:
                    if taken.status < 300:
                        return
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            if attempt + 1 < CALLBACK_ATTEMPTS:
                await asyncio.sleep(CALLBACK_PAUSE_S * 2**attempt)
        _log.warning("callback.not_taken", server_correlation_id=asked.server_correlation_id)

    # --- tokens ---

    async def _token(self, request: web.Request) -> web.Response:
        """Grant a token (RFC 6749 §4.4); errors are those of its §5.2."""
        try:
            form = await self._in_time(request.post())
        except ValueError:
            return _no_token("invalid_request", 400)
        if form.get("grant_type") != "client_credentials":
            return _no_token("unsupported_grant_type", 400)
        client, secret = _basic(request.headers.get("Authorization", ""))
        if not client:
            client, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        granted = self._tokens.grant(client, secret) if len(secret) <= MAX_SECRET else None
        if granted is None:
            _log.warning("face.client_refused")
            return _no_token("invalid_client", 401)
        told = {"access_token": granted.token, "token_type": "Bearer", "expires_in": granted.lasts_s}
        return web.json_response(told, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _no_token(error: str, status: int) -> web.Response:
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": "Basic"} if status == 401 else {})
    return web.json_response({"error": error}, status=status, headers=headers)


def _basic(header: str) -> tuple[str, str]:
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return unquote_plus(client), unquote_plus(secret)  # RFC 6749 §2.3.1


def _literal_first(operation: Operation) -> tuple[int, list[bool]]:
    """Of two paths of one shape, the one with the fixed word further left is meant."""
    segments = operation.path.strip("/").split("/")
    return len(segments), [segment.startswith("{") for segment in segments]


def _of_parameter(parameter: Parameter, given: Mapping[str, str]) -> list[Fault]:
    where = f"{parameter.place}.{parameter.name}"
    if parameter.name not in given:
        return [Fault("mandatoryValueNotSupplied", where)] if parameter.required else []
    value: object = given[parameter.name]
    if parameter.schema.get("type") == "integer" and _WHOLE.fullmatch(given[parameter.name]):
        value = int(given[parameter.name])
    return list(faults(parameter.schema, value, where))


def _invalid(found: list[Fault]) -> ErrorObject:
    told = ", ".join(f"{fault.where}: {fault.code}" for fault in found[:MAX_FAULTS])
    return ErrorObject(400, "validation", found[0].code, told)


async def _json_of(request: web.Request) -> Any:
    if request.content_type != "application/json":
        raise FaceError(ErrorObject(400, "validation", "formatError", "the body is application/json"))
    try:
        return json.loads(await request.read(), parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        raise FaceError(ErrorObject(400, "validation", "formatError", "the body is no JSON")) from None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number beyond all measure")
    return value
