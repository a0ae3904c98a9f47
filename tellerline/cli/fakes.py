"""``tellerline fake-pbx``, ``fake-smsc`` and ``text``: the other ends of the wires, without a network."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ivr.testing import CallEnded, CallEvent, CallWentElsewhere, CommandSeen, FakePbx, KeyPressed, Playing, Transferred
from sms.errors import SubmitRefused
from sms.testing.behaviour import Behaviour
from sms.testing.fake_smsc import FakeSmsc
from sounds.catalogue import Catalogue
from tellerline.cli.telling import NO, ConfigOption, config_of, err, out
from tellerline.errors import ParleyError
from tellerline.trying.fastagi import sounds_of
from tellerline.trying.handsets import Handsets
from tellerline.trying.transcript import masked
from tellerline.trying.world import CatalogueWords

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on, for the server's sms.port.")]
Caller = Annotated[str, typer.Option("--from", metavar="NUMBER", help="Who texts or calls.")]
Service = Annotated[str, typer.Option("--to", metavar="NUMBER", help="The bank's number.")]
BIND_WAIT_S = 60.0
NEWS_S = 0.5  # between two looks for what the server says next


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("fake-pbx")(fake_pbx)
    app.command("fake-smsc")(fake_smsc)
    app.command("text")(text)


def fake_pbx(
    keys: Annotated[
        str, typer.Argument(help="Keys to press when the server waits; a comma waits for the next time.")
    ] = "",
    caller: Caller = "+8613900000001",
    to: Service = "95500",
    host: Annotated[str, typer.Option(help="Where the server takes calls.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Its FastAGI port; none: as configured.")] = None,
    speed: Annotated[float, typer.Option(min=1, max=1000, help="How much faster than a person.")] = 10.0,
    commands: Annotated[bool, typer.Option(help="Print the AGI commands too.")] = False,
    config: ConfigOption = None,
) -> None:
    """Place one call as Asterisk 22 would, press keys, and print what is heard until the call ends.

    Keys are not printed: a PIN may be among them.

    Example: `tellerline fake-pbx "2,739154" --from +8613900000001`
    """
    settings = config_of(config)
    catalogue = Catalogue.load(overlay=settings.sounds.dir)
    words = CatalogueWords(catalogue)

    def tell(event: CallEvent) -> None:
        match event:
            case Playing(heard):
                out.print(f"{heard.started_s:7.2f}  [green]{heard.file}[/]  {escape(words.spoken(heard.file))}")
            case KeyPressed(_, at_s, taken):
                out.print(f"{at_s:7.2f}  [yellow]a key[/]{'' if taken else ' that nobody took'}")
            case Transferred(queue, at_s):
                out.print(f"{at_s:7.2f}  handed to queue {escape(queue)}")
            case CommandSeen(line, at_s) if commands:
                out.print(f"{at_s:7.2f}  [dim]{escape(line)}[/]")
            case CallEnded(by, at_s):
                out.print(f"{at_s:7.2f}  [bold]ended by {by}[/]")
            case _:
                pass

    async def run() -> bool:
        async with FakePbx(sounds_of(catalogue, settings.agi.sound_prefix), speed=speed) as pbx:
            try:
                call = await pbx.dial(host, port or settings.agi.port, caller=caller, called=to, observer=tell)
            except (OSError, TimeoutError) as error:
                raise ParleyError(f"no server answers at {host}:{port or settings.agi.port}: {error}") from None
            try:
                for burst in filter(None, keys.split(",")):
                    await call.wait_for_prompt(settings.agi.call_limit_s)
                    heard = len(call.heard)
                    await call.press(burst)
                    while len(call.heard) == heard and call.ended is None:
                        await call.silence(NEWS_S)
                return (await call.wait_ended(settings.agi.call_limit_s)).completed
            except CallWentElsewhere as error:
                err.print(f"tellerline: {escape(str(error).partition(';')[0])}")
                return False

    if not asyncio.run(run()):
        raise typer.Exit(NO)


def fake_smsc(
    port: Port = 2775,
    receipts: Annotated[bool, typer.Option("--receipts", help="Send a receipt for every text that asks for one.")] = (
        False
    ),
    cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Its certificate, PEM: binds are encrypted.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="The private key; none: it is in the certificate.")
    ] = None,
    to: Service = "95500",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no texts.")] = False,
) -> None:
    """Run a message centre that the server can bind to (system_id tellerline, password demo) until Ctrl-C.

    What the bank sends is printed with six-digit codes masked. A line that is typed, as `+8613900000001 BAL`, is
    brought to the bank as a text of that number.

    Examples: `tellerline fake-smsc --port 2775 --receipts`, `tellerline fake-smsc --tls-cert smsc.pem`
    """
    if key is not None and cert is None:
        raise typer.BadParameter("--tls-key without --tls-cert")
    tls = _tls_of(cert, key) if cert is not None else None

    async def bring(smsc: FakeSmsc, line: str) -> None:
        number, _, body = line.strip().partition(" ")
        if not number:
            return
        if not body.strip():
            err.print("a number and a text are wanted, as: +8613900000001 BAL", style="yellow")
            return
        try:
            await smsc.deliver(number, to, body.strip())
        except (SubmitRefused, TimeoutError, ValueError) as error:
            err.print(f"not brought: {escape(str(error)) or 'nobody is bound'}", style="yellow")

    async def run() -> None:
        async with _smsc(port, Behaviour(receipts=receipts), tls) as smsc, asyncio.TaskGroup() as group:
            out.print(f"a message centre listens on 127.0.0.1:{smsc.port}{' with TLS' if tls else ''}")
            _read_lines(lambda line: group.create_task(bring(smsc, line)))
            while True:
                with contextlib.suppress(TimeoutError):
                    text = await smsc.receive(timeout_s=3600)
                    if not quiet:
                        out.print(f"to {text.to}: {escape(masked(text.text, {}))}")

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


def _tls_of(cert: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ParleyError(f"{cert}: no certificate with its key can be read: {error}") from None
    return context


def _read_lines(take: Callable[[str], object]) -> None:
    """Hand on what is typed, from a thread that never keeps the process from ending."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(RuntimeError, ValueError):  # the loop, or the standard input, is closed
            while line := sys.stdin.readline():
                loop.call_soon_threadsafe(take, line)

    threading.Thread(target=read, name="typed lines", daemon=True).start()


@contextlib.asynccontextmanager
async def _smsc(
    port: int, behaviour: Behaviour | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[FakeSmsc]:
    smsc = FakeSmsc(port=port, behaviour=behaviour, tls=tls)
    try:
        await smsc.start()
    except OSError as error:
        raise ParleyError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}; give another --port") from None
    try:
        yield smsc
    finally:
        await smsc.close()


async def _bound(smsc: FakeSmsc) -> Handsets:
    err.print(f"waiting for the server to bind to 127.0.0.1:{smsc.port} (its sms.host and sms.port) …", style="dim")
    loop = asyncio.get_running_loop()
    try:
        await smsc.wait_bound(BIND_WAIT_S)
    except TimeoutError:
        raise ParleyError(f"no server has bound to 127.0.0.1:{smsc.port} within {BIND_WAIT_S:g} s") from None
    return Handsets(smsc, loop.time)


def text(
    body: Annotated[str | None, typer.Argument(help="The text, as BAL; none: line by line.")] = None,
    caller: Caller = "+8613900000001",
    to: Service = "95500",
    port: Port = 2775,
    wait_s: Annotated[float, typer.Option(min=0.1, max=600, help="How long to wait for the answer.")] = 10.0,
) -> None:
    """Text the bank as a customer does: one text and its answer, or line by line until an empty line or Ctrl-D.

    The server must be told to bind to this message centre: sms.host = "127.0.0.1", sms.port = 2775,
    sms.system_id = "tellerline", sms.password = "demo". Exit code 1 when no answer comes to a single text.

    Examples: `tellerline text BAL --from +8613900000001`, `tellerline text`
    """

    async def once(body: str) -> str | None:
        async with _smsc(port) as smsc:
            handsets = await _bound(smsc)
            await handsets.send(caller, to, body)
            answer = await handsets.received(wait_s)
            return answer.body if answer is not None else None

    async def talk() -> None:
        async with _smsc(port) as smsc:
            handsets = await _bound(smsc)
            handsets.listen(lambda number, said: out.print(f"[cyan]{to} → {number}:[/] {escape(said)}"))
            async with handsets.telling():
                out.print(f"You are {caller}. Write a text and press Enter; an empty line ends.", style="dim")
                while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
                    await handsets.send(caller, to, line)

    if body is None:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(talk())
        return
    answer = asyncio.run(once(body))
    if answer is None:
        err.print(f"no answer came within {wait_s:g} s")
        raise typer.Exit(NO)
    out.print(escape(answer))
