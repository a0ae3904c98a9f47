"""``tellerline sms binds``: how the binds of all nodes are, now or again and again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from core_client.adapters.valkey import reach_store
from sms.operators import Operator
from tellerline.bootstrap import store_url
from tellerline.cli.sms.acting import lasting, show, table_of
from tellerline.cli.telling import NO, ConfigOption, Format, FormatOption, config_of, out, tell_json
from tellerline.config import Config
from tellerline.operators import operators_of
from tellerline.state import open_state
from tellerline.texts.status import NodeStatus, StatusBoard

MAX_ERROR = 60


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("binds")(binds)


def binds(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it anew until Ctrl-C.")] = False,
    every_s: Annotated[float, typer.Option(min=0.5, max=60, help="With --watch: so often.")] = 2.0,
    format_: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> None:
    """Show the binds of all nodes: up or not and since when, the window in use, the rate, throttling, who holds them.

    Nodes tell of themselves in the store every two seconds. Exit code 1 when a bind of the settings is up nowhere.

    Examples: `tellerline sms binds`, `tellerline sms binds --watch`, `tellerline sms binds --format json`
    """
    settings = config_of(config)
    operators = operators_of(settings.sms)

    async def look() -> list[NodeStatus]:
        async with _board(settings) as board:
            return await board.all()

    async def keep_looking() -> None:
        async with _board(settings) as board:
            with Live(console=out, auto_refresh=False) as live:
                while True:
                    live.update(_table(await board.all(), operators), refresh=True)
                    await asyncio.sleep(every_s)

    if watch and format_ is Format.TEXT:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(keep_looking())
        return
    nodes = asyncio.run(look())
    if format_ is Format.JSON:
        rows = [
            {"node": one.node, "running": one.running, "age_s": round(one.age_s, 3), **dict(one.told)} for one in nodes
        ]
        tell_json({"nodes": rows, "down": down(nodes, operators)})
    else:
        show(_table(nodes, operators))
    if down(nodes, operators):
        raise typer.Exit(NO)


@contextlib.asynccontextmanager
async def _board(config: Config) -> AsyncIterator[StatusBoard]:
    open_state(config.server.state_dir)
    async with reach_store(store_url(config), config.server.state_dir) as store:
        yield StatusBoard(store.redis)


def down(nodes: Sequence[NodeStatus], operators: Sequence[Operator]) -> list[str]:
    """Answer the binds of the settings that are up on no node that runs."""
    up = {bind["name"] for node in nodes if node.running for bind in node.told.get("binds", ()) if bind.get("bound")}
    wanted = [f"{operator.name}/{bind.name}" for operator in operators for bind in operator.binds]
    return [name for name in wanted if name not in up]


def _table(nodes: Sequence[NodeStatus], operators: Sequence[Operator]) -> RenderableType:
    table = table_of("node", "bind", "mode", "is", "for", "window", "rate /s", "throttled", "downs", "remark")
    told = set()
    for node in nodes:
        for bind in node.told.get("binds", ()):
            told.add(bind.get("name"))
            table.add_row(escape(node.node), *_row(bind, node))
    for operator in operators:
        for bind in operator.binds:
            name = f"{operator.name}/{bind.name}"
            if name not in told:
                table.add_row("", escape(name), bind.mode.value, "[red]down[/]", "", "", "", "", "", "no node has it")
    queues = _queues(nodes)
    return Group(table, queues) if queues is not None else table


def _row(bind: Mapping[str, Any], node: NodeStatus) -> tuple[str, ...]:
    bound, held = bool(bind.get("bound")), bool(bind.get("held", True))
    if not node.running:
        state, remark = "[red]silent[/]", f"the node said nothing for {lasting(node.age_s)}"
    elif bound:
        state, remark = "[green]up[/]", ""
    elif not held:
        state, remark = "[dim]elsewhere[/]", f"held by {bind.get('holder') or 'another node'}"
    else:
        state, remark = "[red]down[/]", str(bind.get("last_error") or "")[:MAX_ERROR]
    since = float(bind.get("since") or 0.0)
    limit = float(bind.get("per_second") or 0.0)
    rate = float(bind.get("rate") or 0.0)
    throttled = float(bind.get("throttled_s") or 0.0)
    return (
        escape(str(bind.get("name"))),
        escape(str(bind.get("mode") or "")),
        state,
        lasting(max(0.0, time.time() - since)) if since else "",
        f"{bind.get('in_flight', 0)} / {bind.get('window', 0)}",
        f"{rate:.1f} / {limit:g}" if limit else f"{rate:.1f}",
        f"[yellow]{throttled:.0f} s[/]" if throttled else "",
        str(bind.get("downs", "")),
        escape(remark),
    )


def _queues(nodes: Sequence[NodeStatus]) -> Text | None:
    found: dict[str, tuple[int, float]] = {}
    for node in nodes:
        for purpose, queue in node.told.get("queues", {}).items() if node.running else ():
            depth, oldest_s = found.get(purpose, (0, 0.0))
            found[purpose] = depth + int(queue["depth"]), max(oldest_s, float(queue["oldest_s"]))
    told = [f"{purpose} {depth} (oldest {lasting(age)})" for purpose, (depth, age) in sorted(found.items()) if depth]
    return Text(f"waiting: {', '.join(told)}", style="yellow") if told else None
