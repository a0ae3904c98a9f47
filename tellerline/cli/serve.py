"""``tellerline serve``: the server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import typer

from tellerline.bootstrap import running
from tellerline.cli.telling import ConfigOption, config_of
from tellerline.config import Config
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
    loop = asyncio.get_running_loop()
    async with running(config) as node:
        main = asyncio.current_task()

        def asked_to_stop() -> None:
            if node.stopping and main is not None:
                main.cancel()
            node.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked_to_stop)
        try:
            await node.stopped()
            await node.drain()
        except asyncio.CancelledError:
            if main is None or not node.stopping:
                raise
            main.uncancel()
