"""Kannel as an ESME: bearerbox binds to our SMSC, smsbox brings texts to a web page of ours and sends what we ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

import aiohttp
from aiohttp import web

from tests.peers.sms.children import child, free_ports, wait_listening
from tests.peers.sms.found import Kannel

SYSTEM_ID, PASSWORD = "kannel", "pw4knl"
_USER, _WORD = "tests", "tests"
RECEIVE_TIMEOUT_S = 15.0

_CONF = """
group = core
admin-port = {admin}
admin-interface = "127.0.0.1"
admin-password = tests
smsbox-port = {boxes}
smsbox-interface = "127.0.0.1"
box-allow-ip = "127.0.0.1"
store-type = file
store-location = "{folder}/kannel.store"
dlr-storage = internal
sms-resend-freq = 1
sms-resend-retry = 20
log-level = 0

group = smsc
smsc = smpp
smsc-id = tellerline
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = {system_id}
smsc-password = {password}
system-type = ""
interface-version = 34
address-range = ""
source-addr-ton = 0
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1
enquire-link-interval = 1
reconnect-delay = 1
max-pending-submits = 10
msg-id-type = {id_type}

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {boxes}
sendsms-port = {sendsms}
sendsms-interface = "127.0.0.1"
global-sender = 95500
log-level = 0
http-request-retry = 1
http-queue-delay = 1

group = sendsms-user
username = {user}
password = {word}
concatenation = true
max-messages = 20

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "http://127.0.0.1:{page}/text?from=%p&to=%P&text=%b&coding=%c&charset=%C"
"""

# §msg-id-type: a number whose bits say which of submit_sm_resp (1) and receipt (2) has its id in hexadecimal.
ID_TYPES = {"as they are": "", "hex in both": "0x03", "hex in the answer, decimal in the receipt": "0x01"}


@dataclass(frozen=True, slots=True)
class Text:
    """What Kannel understood of one deliver_sm, or of one long text joined by it."""

    source: str
    to: str
    text: str


@dataclass
class KannelEsme:
    """A running bearerbox with its smsbox."""

    send_url: str
    log: Path
    texts: list[Text] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)  # kinds of receipts, by Kannel's numbers: 1 delivered, 8 taken
    page: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, source: str, to: str, text: str, *, ucs2: bool = False, receipt: bool = False) -> None:
        """Have Kannel send a text, and return when it has taken it over."""
        query = {"username": _USER, "password": _WORD, "from": source, "to": to, "text": text, "charset": "UTF-8"}
        query["coding"] = "2" if ucs2 else "0"
        if receipt:
            query["dlr-mask"] = "31"
            query["dlr-url"] = f"http://127.0.0.1:{self.page}/report?kind=%d"
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.get(self.send_url, params=query) as answer,
        ):
            said = await answer.text()
            assert answer.status in (200, 202), f"{answer.status}: {said}"

    async def receive(self, timeout_s: float = RECEIVE_TIMEOUT_S) -> Text:
        """Answer the oldest text that Kannel got and that was not taken yet."""
        await self._until(lambda: bool(self.texts), timeout_s, "Kannel brought no text")
        return self.texts.pop(0)

    async def reported(self, kind: str, timeout_s: float = RECEIVE_TIMEOUT_S) -> None:
        """Return when Kannel has told of a receipt of that kind."""
        await self._until(lambda: kind in self.reports, timeout_s, f"no report {kind}, only {self.reports}")

    async def _until(self, true: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not true():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            said = self.log.read_text(errors="replace")[-3000:]
            raise AssertionError(f"{complaint} within {timeout_s} s; bearerbox said:\n{said}") from None

    # --- the page that Kannel calls ---

    async def take_text(self, request: web.Request) -> web.Response:
        # The text is percent-encoded octets of the charset that Kannel names: UTF-8, or UTF-16BE for UCS2.
        query = {key: unquote_to_bytes(value) for key, value in _pairs(request.rel_url.raw_query_string)}
        text = query["text"].decode(query["charset"].decode())
        self.texts.append(Text(query["from"].decode().removeprefix("+"), query["to"].decode(), text))
        self._changed.set()
        return web.Response(text="")

    async def take_report(self, request: web.Request) -> web.Response:
        self.reports.append(request.query["kind"])
        self._changed.set()
        return web.Response(text="")


@asynccontextmanager
async def running_kannel(found: Kannel, folder: Path, smsc_port: int, id_type: str = "") -> AsyncIterator[KannelEsme]:
    """Run Kannel inside the block, bound to 127.0.0.1:``smsc_port``. All its files are in ``folder``."""
    admin, boxes, sendsms = free_ports(3)
    box_log, sms_log = folder / "bearerbox.log", folder / "smsbox.log"
    kannel = KannelEsme(f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms", box_log)
    async with _page(kannel):
        conf = _CONF.format(
            admin=admin,
            boxes=boxes,
            sendsms=sendsms,
            smsc=smsc_port,
            folder=folder,
            system_id=SYSTEM_ID,
            password=PASSWORD,
            user=_USER,
            word=_WORD,
            page=kannel.page,
            id_type=id_type,
        )
        file = folder / "kannel.conf"
        file.write_text(conf if id_type else conf.replace("msg-id-type = \n", ""))
        async with child(found.bearerbox, "-v", "0", file, log=box_log) as bearerbox:
            await wait_listening(boxes, bearerbox, box_log)
            async with child(found.smsbox, "-v", "0", file, log=sms_log) as smsbox:
                await wait_listening(sendsms, smsbox, sms_log)
                yield kannel


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        yield key, value.replace("+", "%20")


@asynccontextmanager
async def _page(kannel: KannelEsme) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get("/text", kannel.take_text)
    app.router.add_get("/report", kannel.take_report)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        kannel.page = runner.addresses[0][1]
        yield
    finally:
        await runner.cleanup()
