"""``tellerline serve``: the server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import typer

from tellerline.bootstrap import Node, running
from tellerline.cli.telling import ConfigOption, config_of
from tellerline.config import Config
from tellerline.garbage import collect_seldom
from tellerline.telemetry import configure_logging


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(config: ConfigOption = None) -> None:
    """Run the server until SIGTERM or Ctrl-C; then finish the calls in progress, up to server.drain_s.

    A second signal ends it at once. Health pages: `/health/live`, `/health/ready`, `/metrics`.

    Example: `tellerline serve -c /etc/tellerline/tellerline.toml`
    """
    settings = config_of(config)
    configure_logging(settings.server.log_format, settings.server.log_level)
    with asyncio.Runner(loop_factory=_loop_factory(settings)) as runner:
        runner.run(_serve(settings))


def _loop_factory(config: Config) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not config.server.uvloop:
        return None
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(config: Config) -> None:
    """Run the node. The first signal drains it, a second one, or one before it is up, ends it at once."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    nodes: list[Node] = []
    ended_by_signal = False

    def asked_to_stop() -> None:
        nonlocal ended_by_signal
        if nodes and not nodes[0].stopping:
            nodes[0].stop()
        elif main is not None:
            ended_by_signal = True
            main.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop)
    try:
        async with running(config) as node:
            nodes.append(node)
            collect_seldom()
            await node.stopped()
            await node.drain()
    except asyncio.CancelledError:
        if main is None or not ended_by_signal:
            raise
        main.uncancel()
