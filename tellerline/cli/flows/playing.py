"""``tellerline flows play | coverage``: try a flow on the engine alone, and see what no conversation tries."""

from __future__ import annotations

import asyncio
import datetime
import getpass
import os
import signal
import sys
import zoneinfo
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from core_client.adapters import demo_world
from core_client.language.errors import LanguageError
from flows.model import Flow
from flows.reading.loader import load_flow
from flows.store import FixedFlows, prompt_texts
from sounds.catalogue import Catalogue
from tellerline.bootstrap import open_flows
from tellerline.cli.flows import covering
from tellerline.cli.telling import NO, ConfigOption, config_of, err, out
from tellerline.config import Config
from tellerline.play_words import Hands
from tellerline.playing import Play, Scene, Told
from tellerline.telemetry import configure_logging
from tellerline.trying import conversation as c
from tellerline.trying.beside import with_flows_of, with_folder
from tellerline.trying.drafted import drafted
from tellerline.trying.pace import LEAP, run_paced
from tellerline.trying.play import Result
from tellerline.trying.recording import CannotReplay, proved
from tellerline.trying.runs import run_conversation
from tellerline.trying.written import written

WITHHELD = ("anonymous", "withheld")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(play)
    covering.add_to(app)


def play(
    flow: Annotated[
        Path | None, typer.Argument(metavar="[FILE|DIR]", help="A flow, or a folder of flows; none: the settings'.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="A chat by text instead of a call.")] = False,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="NUMBER", help="Who calls: a number, or 'anonymous'.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help='When it is, as in "2026-10-01T21:00".')] = None,
    language: Annotated[
        str | None, typer.Option(help="Be a demo customer who has chosen this language, instead of --from.")
    ] = None,
    notice: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A notice that is on. Repeatable.")] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="The draft, or the version that waits for an approval: from the store.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what was done as a conversation, proved to pass.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Call or text a flow from the terminal, on the engine and the demo bank alone: no server, no waiting.

    Type keys in a call and texts in a chat, one a line; .help tells the commands. Lines may be piped in. A PIN is
    never shown and never recorded.

    Examples: `tellerline flows play`, `tellerline flows play my_flows/retail.yaml --record conversations/new.yaml`,
    `tellerline flows play --text --from +8613900000002`, `tellerline flows play < keys.txt`
    """
    configure_logging("console", "error")
    if draft and flow is not None:
        raise typer.BadParameter("--draft plays what is in the store: leave out FILE and DIR")
    if record is not None and record.is_file():
        raise typer.BadParameter(f"--record: '{record}' is there already; take another name, or remove it")
    settings, flows, catalogue = _flows(config_of(config), flow, draft=draft)
    begins = flows.current(settings.agi.flow)
    notices = frozenset(notice or ())
    for name in notices:
        if name not in begins.notices:
            raise typer.BadParameter(f"the flow has no notice '{name}'; it has: {', '.join(begins.notices) or 'none'}")
    given = c.Given(at=_moment(at, begins), notices=notices)
    scene = Scene(settings, given, _number(from_, language, begins), flows, catalogue)
    terminal = _Terminal(scene, chat=text, record=record)
    recorded = run_paced(terminal.run, LEAP)
    if not terminal.write(recorded):
        raise typer.Exit(NO)


def _flows(config: Config, path: Path | None, *, draft: bool) -> tuple[Config, FixedFlows, Catalogue]:
    """Answer the settings that begin in the flow that is played, the flows, and the words of the line."""
    catalogue = Catalogue.load(overlay=config.sounds.dir)
    if draft:
        return config, FixedFlows(asyncio.run(drafted(config, catalogue))), catalogue
    if path is None or path.is_dir() or not path.exists():
        config = with_folder(config, path)
        store = open_flows(config, catalogue)
        return config, FixedFlows(*(store.current(name) for name in store.names)), catalogue
    flow = load_flow(path, prompt_texts(catalogue))
    changed: dict[str, object] = {
        part: getattr(config, part).model_copy(update={"flow": flow.name}) for part in ("agi", "sms")
    }
    changed["flows"] = config.flows.model_copy(update={"dir": path.parent})
    return config.model_copy(update=changed), FixedFlows(flow), catalogue


def _moment(at: str | None, flow: Flow) -> datetime.datetime | None:
    if at is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter(f"'{at}' is not a time: write it as 2026-10-01T21:00") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zoneinfo.ZoneInfo(flow.time_zone))


def _number(number: str | None, language: str | None, flow: Flow) -> str | None:
    if number is not None:
        if language is not None:
            raise typer.BadParameter("who calls has a language of their own: give --from or --language, not both")
        return None if number in WITHHELD else number
    if language is not None and language not in flow.languages:
        raise typer.BadParameter(f"the flow does not speak '{language}': it speaks {', '.join(flow.languages)}")
    for who in demo_world.CUSTOMERS:
        if who.line is not None and who.language is not None and who.language == (language or who.language):
            return who.line
    raise typer.BadParameter(f"no customer of the demo bank has chosen '{language}'")


class _Terminal:
    """Lines in, words out."""

    def __init__(self, scene: Scene, *, chat: bool, record: Path | None) -> None:
        self._scene = scene
        self._chat = chat
        self._record = record
        self._written: set[Path] = set()  # by this very play: written again without a question
        self._asks = sys.stdin.isatty()
        self._play: Play

    async def run(self) -> c.Conversation:
        """Play until the end; answer what was done."""
        caller = self._scene.number or "a withheld number"
        out.print(f"[dim]{'Texting' if self._chat else 'Calling'} as {escape(caller)}; .help tells the commands.[/]")
        async with Play(self._scene, self._tell) as play:
            self._play = play
            hands = Hands(play, chat=self._chat, tell=self._answer, save=self._save)
            await hands.begin()
            while (line := self._line()) is not None and await hands.take(line):
                pass
            return play.recorded(_title(self._record))

    def _line(self) -> str | None:
        """Answer the next line; None: there is none. Time stands still meanwhile."""
        secret = self._play.wants_secret
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # the loop's own would wait for the line
        try:
            if secret and self._asks:
                return getpass.getpass("PIN> ")
            line = input("> " if self._asks else "")
            line = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # bytes that are no text
        except (EOFError, KeyboardInterrupt):
            return None
        finally:
            signal.signal(signal.SIGINT, before)
        if not self._asks:
            shown = "*" * len(line) if secret and not line.startswith(".") and len(line) > 1 else line
            out.print(f"[bold yellow]> {escape(shown)}[/]")
        return line

    def _tell(self, told: Told) -> None:
        if told.text_message:
            out.print(f"[blue]{escape(told.text)}[/]")
        elif told.text:
            out.print(f"[green]{escape(told.text)}[/]  [dim]{escape(told.ids)}[/]")
        else:
            out.print(f"[dim]{escape(told.ids)}[/]")

    def _answer(self, text: str) -> None:
        out.print(f"[cyan]{escape(text)}[/]")

    def _save(self, name: str) -> None:
        file = Path(name) if name else self._record
        if file is None:
            self._answer("Where to? As in .save conversations/new.yaml.")
        elif file not in self._written and file.is_file():
            self._answer(f"{file} is there already; take another name.")
        else:
            self._write_later(file)

    def _write_later(self, file: Path) -> None:
        """Write what was done so far as it is; the end of the play proves it."""
        recorded = self._with_flows(self._play.recorded(_title(file)), file)
        if _kept(file, recorded):
            self._written.add(file)
            self._record = self._record or file
            self._answer(f"Written to {file}; it is proved at the end.")

    def write(self, recorded: c.Conversation) -> bool:
        """Write down what was done, where that is wanted, and prove that it passes; answer whether it does."""
        file = self._record
        if file is None:
            return True
        if not recorded.steps:
            self._answer("Nothing was done: nothing is recorded.")
            return True
        scene = self._scene

        def replay(conversation: c.Conversation) -> Result:
            return run_conversation(
                conversation, "engine", config=scene.config, flows=scene.flows, catalogue=scene.catalogue
            )

        recorded = self._with_flows(recorded, file)
        try:
            good = proved(recorded, replay)
        except (CannotReplay, LanguageError) as problem:
            if _kept(file, recorded):
                out.print(f"[red]recorded to {escape(str(file))}, and it does not play the same again:[/]")
            out.print(escape(str(problem)))
            return False
        if not _kept(file, good):
            return False
        out.print(f"[green]recorded[/]  {escape(str(file))}: {len(good.steps)} steps, and they pass")
        return True

    def _with_flows(self, recorded: c.Conversation, file: Path) -> c.Conversation:
        """Name the flows where the file would not find them by itself."""
        ours = self._scene.config.flows.dir
        found = with_flows_of(Config(), c.Conversation("", str(file), c.Given(), ()))
        if ours is None or (found.flows.dir is not None and found.flows.dir.resolve() == ours.resolve()):
            return recorded
        relative = os.path.relpath(ours.resolve(), file.resolve().parent)
        return c.Conversation(recorded.name, recorded.file, recorded.given, recorded.steps, recorded.through, relative)


def _kept(file: Path, recorded: c.Conversation) -> bool:
    """Write a conversation; answer whether that could be done. What cannot be written is printed instead."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written(recorded), encoding="utf-8")
    except OSError as error:
        err.print(f"[red]not recorded:[/] {escape(str(file))}: {error.strerror}. This is what it would hold:")
        out.print(escape(written(recorded)))
        return False
    return True


def _title(file: Path | None) -> str:
    return (file.stem if file is not None else "recorded").replace("_", " ")
