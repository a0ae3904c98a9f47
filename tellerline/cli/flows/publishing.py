"""``tellerline flows init | publish | approve | withdraw | rollback``, and with them log, status and notice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from core_client.domain.staff import Role
from flows.differences import Change
from flows.releases.register import Entry
from tellerline.cli.flows import notices, standing
from tellerline.cli.flows.acting import (
    FlowName,
    Message,
    ShownProgress,
    approving,
    at_the_office,
    entry_as_json,
    finding_as_json,
    flow_folder,
    proven,
    tell_changes,
    tell_findings,
    told,
)
from tellerline.cli.proving import By, TokenFile, token_of
from tellerline.cli.telling import ConfigOption, Format, FormatOption, config_of, err, out, tell_json
from tellerline.office import GOES_BACK, Office, Proposed
from tellerline.publishing import Begun, Gate, Ready, begun_of, remember
from tellerline.starting_folder import make_folder
from tellerline.telemetry import configure_logging


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(publish)
    app.command()(approve)
    app.command()(withdraw)
    app.command()(rollback)
    standing.add_to(app)
    app.add_typer(notices.app, name="notice")


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or an empty one.")],
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Make a folder of your own to change the line in: the flow, its conversations, sounds, schemas and settings.

    Nothing reaches a caller until you publish it.

    Examples: `tellerline flows init ~/line`, `tellerline flows init ~/line --format json`
    """
    made = make_folder(folder, config_of(config))
    if format_ is Format.JSON:
        tell_json(
            {
                "done": True,
                "folder": str(made.folder),
                "flow": str(made.flow.relative_to(made.folder)),
                "settings": str(made.settings.relative_to(made.folder)),
                "files": [str(file) for file in made.files],
            }
        )
        return
    out.print(f"[green]made[/] {escape(str(folder))} with {len(made.files)} files")
    flow = made.flow.relative_to(made.folder)
    out.print("\nNext:")
    out.print(f"  1. [bold]cd {escape(str(folder))}[/]: what you type there takes its {made.settings.name}")
    out.print(f"  2. change {flow} and what it includes; editors complete and check it by flow.schema.json")
    out.print(
        "  3. [bold]tellerline check[/], and [bold]tellerline flows play[/] to call your own flow in the terminal"
    )
    out.print("  4. once: [bold]tellerline people add NAME --role author[/], and an approver")
    out.print(
        "  5. [bold]tellerline flows publish --by NAME -m 'what is new'[/]: checked, and its conversations played"
    )
    out.print("  6. [bold]tellerline flows approve latest --by ANOTHER[/]: callers have it within a second")


def publish(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="The flow's folder, or its file; none: flows.dir.")
    ] = None,
    *,
    message: Message,
    by: By,
    draft: Annotated[
        bool, typer.Option("--draft", help="Only to be called on flows.draft_number; not tried by conversations.")
    ] = False,
    onto_live: Annotated[
        bool, typer.Option("--onto-live", help="You know what was published since you began, and replace it.")
    ] = False,
    token_file: TokenFile = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Check the flow, try its conversations, and publish it. Nothing that fails goes live.

    A flow that moves money waits for an approval by somebody else (flows.four_eyes). Calls in progress keep the
    version they began with. Exit code 1 when it was refused; the reasons are printed as `check` and `try` do.

    Examples: `tellerline flows publish ~/line --by anna -m "Opening hours in the greeting"`,
    `tellerline flows publish --draft --by anna -m "To be listened to"`
    """
    configure_logging("console", "critical")  # what a conversation makes go wrong on purpose is not this command's news
    settings = config_of(config)
    path = flow_folder(folder, settings)
    token = token_of(token_file, by)
    with told(format_):
        proven(settings, token, by, Role.AUTHOR)  # before anything that takes time
        with ShownProgress() as progress:
            gate = Gate(settings, progress)
            ready = gate.make(path, settings.agi.flow, draft=draft)
            gate.keep_audio(ready.bundle)
        place = path if path.is_dir() else path.parent
        if draft:

            async def keep(office: Office) -> Entry:
                return await office.draft(ready, await office.people.prove(token, by, Role.AUTHOR), message)

            entry = at_the_office(settings, keep)
            _tell_draft(ready, entry, settings.flows.draft_number, format_)
            return
        begun = begun_of(place, ready.bundle.name)

        async def propose(office: Office) -> Proposed:
            person = await office.people.prove(token, by, Role.AUTHOR)
            return await office.propose(ready, person, message, begun, onto_live=onto_live)

        proposed = at_the_office(settings, propose)
        _remember(place, ready, begun, proposed)
        if settings.flows.serve == "folder":
            err.print("[yellow]flows.serve is folder here: callers get the folder, not what is published[/]")
        _tell_proposed(ready, proposed, approving(ready.bundle.name, proposed.entry, settings), format_)


def approve(
    version: Annotated[str, typer.Argument(metavar="VERSION|latest", help="As publish, status or log show it.")],
    by: By,
    flow: FlowName = None,
    token_file: TokenFile = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Make the version that waits live. Not your own; look at it first: `tellerline flows diff live pending`.

    What is approved is that very version: whoever edits it publishes another one, and this approval is not for it.

    Examples: `tellerline flows approve 4f0c2a --by ben`, `tellerline flows approve latest --by ben`
    """
    settings = config_of(config)
    name = flow or settings.agi.flow
    token = token_of(token_file, by)

    async def work(office: Office) -> tuple[Entry, tuple[Change, ...]]:
        person = await office.people.prove(token, by, Role.APPROVER)
        return await office.approve(name, await office.pending(name, version), person, Gate(settings))

    with told(format_, "not approved"):
        entry, changes = at_the_office(settings, work)
        if format_ is Format.JSON:
            tell_json({"done": True, "flow": name, "entry": entry_as_json(entry), "changes": list(map(str, changes))})
            return
        tell_changes(changes)
        out.print(f"[bold green]live[/]  {name} {entry.version}, by {entry.author}, approved by {entry.approver}")


def withdraw(
    by: By,
    flow: FlowName = None,
    token_file: TokenFile = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Take the version that waits back: your own, or, as an approver, anybody's that you refuse.

    Example: `tellerline flows withdraw --by anna`
    """
    settings = config_of(config)
    name = flow or settings.agi.flow
    token = token_of(token_file, by)

    async def work(office: Office) -> Entry:
        return await office.withdraw(name, await office.people.prove(token, by, Role.AUTHOR, Role.APPROVER))

    with told(format_):
        entry = at_the_office(settings, work)
        if format_ is Format.JSON:
            tell_json({"done": True, "flow": name, "entry": entry_as_json(entry)})
            return
        out.print(f"withdrawn  {name} {entry.version}: {escape(entry.message)}")


def rollback(
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="One that was live before; none: the one before.")
    ] = None,
    *,
    message: Message,
    by: By,
    flow: FlowName = None,
    token_file: TokenFile = None,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Go back to a version that was live before, at once. An approver or an operator may; nobody else has to agree.

    Calls in progress keep the version they began with. What waited for an approval is void.

    Examples: `tellerline flows rollback --by ben -m "The new menu confuses people"`,
    `tellerline flows rollback 4f0c2a --by ben -m "As on Monday"`
    """
    settings = config_of(config)
    name = flow or settings.agi.flow
    token = token_of(token_file, by)

    async def work(office: Office) -> Entry:
        person = await office.people.prove(token, by, *GOES_BACK)
        return await office.roll_back(name, version, person, message, Gate(settings))

    with told(format_, "not rolled back"):
        entry = at_the_office(settings, work)
        if format_ is Format.JSON:
            tell_json({"done": True, "flow": name, "entry": entry_as_json(entry)})
            return
        out.print(f"[bold green]live[/]  {name} {entry.version} again, by {entry.author}: {escape(entry.message)}")


def _remember(folder: Path, ready: Ready, begun: Begun, proposed: Proposed) -> None:
    """Write beside the flow what its next edits begin from."""
    name, version = ready.bundle.name, ready.bundle.version
    now = Begun(version) if proposed.is_live else Begun(proposed.before or begun.base, version)
    if not remember(folder, name, now):
        err.print(f"[yellow]{escape(str(folder))} cannot be written to: what it began from is not remembered[/]")


def _tell_draft(ready: Ready, entry: Entry, number: str | None, format_: Format) -> None:
    if format_ is Format.JSON:
        tell_json({"done": True, "flow": ready.bundle.name, "entry": entry_as_json(entry), "number": number})
        return
    where = f"call {number} from one of flows.draft_callers" if number else "set flows.draft_number to call it"
    out.print(f"[bold yellow]draft[/]  {ready.bundle.name} {entry.version}: {where}")


def _tell_proposed(ready: Ready, proposed: Proposed, typed: str, format_: Format) -> None:
    entry = proposed.entry
    if format_ is Format.JSON:
        tell_json(
            {
                "done": True,
                "flow": ready.bundle.name,
                "live": proposed.is_live,
                "entry": entry_as_json(entry),
                "may_approve": list(proposed.may_approve),
                "conversations": ready.conversations,
                "changes": [str(change) for change in proposed.changes],
                "replaced": entry_as_json(proposed.replaced),
                "warnings": [finding_as_json(finding) for finding in ready.warnings],
            }
        )
        return
    tell_findings(ready.warnings)
    out.print(f"[green]checked[/], {ready.conversations} conversations passed")
    if ready.skipped:
        out.print(f"[dim]{ready.skipped} are not meant for the engine: tellerline try runs them[/]")
    tell_changes(proposed.changes)
    if (gone := proposed.replaced) is not None:
        out.print(f"[yellow]void[/]  {gone.version} by {escape(gone.author)}, which waited: {escape(gone.message)}")
    if proposed.is_live:
        out.print(f"[bold green]live[/]  {ready.bundle.name} {entry.version}")
        return
    out.print(f"[bold yellow]waits for an approval[/]  {ready.bundle.name} {entry.version}")
    if proposed.may_approve:
        who = " or ".join(proposed.may_approve)
        out.print(f"  {who} may approve it: [bold]{typed}[/]")
    else:
        out.print("  nobody may approve it yet: [bold]tellerline people add NAME --role approver[/]")
