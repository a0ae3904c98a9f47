"""``tellerline bank audit``: hold the audit chain against what was told of it outside the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from core_client.adapters.anchor_logs import anchors_in_log
from core_client.adapters.embedded import EmbeddedBank
from core_client.domain.anchors import Anchor
from core_client.services.anchoring import Verdict
from tellerline.bank_keeping import anchoring_of
from tellerline.bootstrap import store_url
from tellerline.cli.opened_bank import with_bank
from tellerline.cli.telling import NO, ConfigOption, Format, FormatOption, config_of, out, tell_error, tell_json
from tellerline.config import Config
from tellerline.state import open_state

app = typer.Typer(help="The audit chain and its anchors.", no_args_is_help=True)

LogOption = Annotated[
    list[Path] | None,
    typer.Option("--log", metavar="FILE", help="Log lines of a node, as a log system kept them: more anchors."),
]


@app.command()
def verify(log: LogOption = None, as_: FormatOption = Format.TEXT, config: ConfigOption = None) -> None:
    """Walk the audit chain, and hold it against every anchor that can be read.

    Shows an edit, a deletion, another order, a cut, a chain written anew, and a database that was turned back.
    Exit code 1 when there is a doubt.

    Example: `tellerline bank audit verify --log /var/log/tellerline/*.json`
    """
    settings = config_of(config)
    try:
        more = [one for file in log or () for one in anchors_in_log(file.read_text(encoding="utf-8").splitlines())]
    except OSError as error:
        tell_error(f"{error.filename}: {error.strerror}")
        raise typer.Exit(NO) from None
    except UnicodeDecodeError:
        tell_error("a file of --log holds no lines of text")
        raise typer.Exit(NO) from None

    async def work(bank: EmbeddedBank) -> Verdict:
        return await with_anchoring(settings, bank, more)

    verdict = with_bank(config, work)
    if as_ is Format.JSON:
        tell_json(_as_json(verdict))
    else:
        _tell(verdict)
    if verdict.findings:
        raise typer.Exit(NO)


@app.command()
def anchor(config: ConfigOption = None) -> None:
    """Write the chain's head down now, as a running node does every bank.anchor_s.

    Example: `tellerline bank audit anchor`
    """
    settings = config_of(config)

    async def work(bank: EmbeddedBank) -> Anchor | None:
        keys = open_state(settings.server.state_dir)
        return await anchoring_of(settings, keys, bank, None).anchor(always=True)

    written = with_bank(config, work)
    if written is not None:
        out.print(f"anchored row {written.seq}, anchor {written.number} of log {written.log}")


async def with_anchoring(settings: Config, bank: EmbeddedBank, more: list[Anchor]) -> Verdict:
    """Verify with the file, and with the store's stream where the store can be reached."""
    from core_client.adapters.valkey import reach_store  # the store's client takes a while to load

    keys = open_state(settings.server.state_dir)
    async with reach_store(store_url(settings), settings.server.state_dir) as store:
        return await anchoring_of(settings, keys, bank, store.redis).verify(more)


def _as_json(verdict: Verdict) -> dict[str, object]:
    return {
        "whole": not verdict.findings,
        "rows": verdict.rows,
        "anchors": verdict.anchors,
        "restored": [{"at": one.at.isoformat(), "back_to": one.back_to} for one in verdict.restored],
        "findings": [{"doubt": one.doubt.value, "row": one.seq, "words": one.words} for one in verdict.findings],
        "unread": list(verdict.unread),
    }


def _tell(verdict: Verdict) -> None:
    out.print(f"{verdict.rows} rows follow each other; {verdict.anchors} anchors")
    for one in verdict.restored:
        out.print(f"restored  {one.at:%Y-%m-%d %H:%M} UTC from a backup with {one.back_to} rows")
    for place in verdict.unread:
        out.print(f"[yellow]unread[/]    {escape(place)}")
    for finding in verdict.findings:
        out.print(f"[red]{finding.doubt.value}[/]  {escape(finding.words)}")
    if not verdict.findings:
        out.print("[green]whole[/]" if verdict.anchors else "[yellow]whole by itself, but nothing was ever anchored[/]")
