"""What the commands about versions share: who acts, with which settings, and how a refusal is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from core_client.domain.secret import Secret
from core_client.domain.staff import Person, Role
from core_client.errors import BankError
from flows.differences import Change, summary_of
from flows.inspect import Finding, Severity
from flows.releases.errors import Overtaken, ReleaseError
from flows.releases.register import MAX_MESSAGE, Entry
from tellerline.cli.opened_bank import tell_bank_error
from tellerline.cli.telling import NO, Format, err, is_plain, out, tell_error, tell_json
from tellerline.config import Config
from tellerline.office import NothingLiveError, Office, open_office
from tellerline.publishing import NotReadyError
from tellerline.publishing import Progress as GateProgress
from tellerline.trying.play import Result

T = TypeVar("T")
MAX_SHOWN = 20  # findings, and conversations that failed: who has more mends some and publishes again

FlowName = Annotated[
    str | None, typer.Option("--flow", metavar="NAME", help="Which flow; none: the one that calls begin in.")
]


def _said(message: str) -> str:
    if not message.strip():
        raise typer.BadParameter("say what is new, and why: it is all that the log will know")
    if len(message) > MAX_MESSAGE:
        raise typer.BadParameter(f"{len(message)} characters: the log keeps {MAX_MESSAGE}. Say it shorter.")
    if not is_plain(message):
        raise typer.BadParameter("there are control characters in it, or bytes that are no UTF-8. Write plain text.")
    return message


Message = Annotated[
    str, typer.Option("--message", "-m", metavar="TEXT", callback=_said, help="What is new, and why, for the log.")
]


def at_the_office(config: Config, work: Callable[[Office], Awaitable[T]]) -> T:
    """Do ``work`` with the register and the people."""

    async def run() -> T:
        async with open_office(config) as office:
            return await work(office)

    return asyncio.run(run())


def proven(config: Config, token: Secret, name: str, *roles: Role) -> Person:
    """Answer the person whose token it is, before anything that takes time is begun."""
    return at_the_office(config, lambda office: office.people.prove(token, name, *roles))


@contextlib.contextmanager
def told(format_: Format = Format.TEXT, refused: str = "not published") -> Iterator[None]:
    """Tell what is ``refused``, with its reasons, and end with code 1."""
    try:
        yield
    except NotReadyError as error:
        _tell_reasons(error, format_, refused)
    except (ReleaseError, NothingLiveError) as error:
        if format_ is Format.JSON:
            _tell_json(str(error))
        tell_error(error)
        if isinstance(error, Overtaken):
            err.print("  mend: take over what is new; or replace it knowingly: tellerline flows publish --onto-live")
    except BankError as error:
        if format_ is Format.JSON:
            _tell_json(str(error))
        tell_bank_error(error)
    else:
        return
    raise typer.Exit(NO)


def approving(name: str, entry: Entry, config: Config) -> str:
    """Answer what somebody types to approve an entry."""
    flow = "" if name == config.agi.flow else f" --flow {escape(name)}"
    return f"tellerline flows approve {entry.version}{flow} --by NAME"


def tell_findings(findings: tuple[Finding, ...]) -> None:
    """Print findings as ``check`` does."""
    for finding in findings[:MAX_SHOWN]:
        out.print(escape(str(finding)), style="yellow" if finding.severity is Severity.WARNING else "red")
    if len(findings) > MAX_SHOWN:
        out.print(f"… and {len(findings) - MAX_SHOWN} more: tellerline check shows all")


def tell_changes(changes: tuple[Change, ...]) -> None:
    """Print what a version changes, in one line; and whole, what lets somebody act with less proof than before."""
    if not changes:
        return
    out.print(f"changes: {escape(summary_of(changes))}  [dim](all: tellerline flows diff)[/]")
    for change in changes:
        if change.security:
            out.print(f"  [bold red]{escape(str(change))}[/]  [red](security)[/]")


def _tell_reasons(error: NotReadyError, format_: Format, refused: str) -> None:
    if format_ is Format.JSON:
        _tell_json(str(error), error)
        return
    tell_findings(error.findings)
    for result in error.failed[:MAX_SHOWN]:
        out.print(f"[bold]{escape(result.conversation.name)}[/]")
        out.print(result.transcript.table())
        out.print(f"[bold red]failed[/]   {escape(str(result.mismatch))}")
    err.print(f"[bold red]{refused}:[/] {escape(str(error))}")


def _tell_json(reason: str, error: NotReadyError | None = None) -> None:
    findings = error.findings if error is not None else ()
    failed = error.failed if error is not None else ()
    tell_json(
        {
            "done": False,
            "reason": reason,
            "findings": [finding_as_json(finding) for finding in findings],
            "failed": [_failed_as_json(result) for result in failed],
        }
    )


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """Answer a finding as data."""
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "severity": finding.severity.value,
        "rule": finding.rule,
        "message": finding.message,
        "hint": finding.hint,
    }


def _failed_as_json(result: Result) -> dict[str, Any]:
    mismatch = result.mismatch
    return {
        "conversation": result.conversation.name,
        "place": str(mismatch.place) if mismatch is not None else "",
        "expected": mismatch.expected if mismatch is not None else "",
        "instead": mismatch.instead if mismatch is not None else "",
    }


def entry_as_json(entry: Entry | None) -> dict[str, Any] | None:
    """Answer an entry of the log as data."""
    if entry is None:
        return None
    return {
        "number": entry.number,
        "version": entry.version,
        "state": entry.state.value,
        "act": entry.act.value,
        "author": entry.author,
        "approver": entry.approver,
        "message": entry.message,
        "at": entry.at.isoformat(),
        "decided_at": entry.decided_at.isoformat() if entry.decided_at is not None else None,
        "parent": entry.parent,
    }


class ShownProgress(GateProgress):
    """Shows how far the gate is, on a terminal; use it as a context."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        self._task: TaskID = self._bar.add_task("checking", total=None)

    def __enter__(self) -> ShownProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def stage(self, what: str) -> None:
        """Something begins."""
        self._bar.update(self._task, description=what)

    def trying(self, count: int) -> None:
        """So many conversations are about to be tried."""
        self._bar.update(self._task, description="trying conversations", total=count)

    def tried(self, result: Result) -> None:
        """One was."""
        self._bar.advance(self._task)


def flow_folder(given: Path | None, config: Config) -> Path:
    """Answer the folder, or the file, of the flow to publish.

    Raises:
        typer.BadParameter: there is none.
    """
    path = given or config.flows.dir
    if path is None:
        raise typer.BadParameter(
            "which folder? Name it, or set flows.dir (tellerline flows init DIR makes one, and settings for it)"
        )
    if not path.exists():
        raise typer.BadParameter(f"there is no '{path}'")
    return path
