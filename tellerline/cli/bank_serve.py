"""``tellerline bank serve`` and ``bank client``: the embedded bank for other systems."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import signal
from enum import StrEnum
from typing import Annotated

import structlog
import typer

from tellerline.bank_face.running import running_face
from tellerline.bank_face.specification import operations
from tellerline.cli.telling import ConfigOption, config_of, out
from tellerline.config import Config
from tellerline.telemetry import configure_logging

_log = structlog.get_logger("tellerline")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.command()(client)


def serve(config: ConfigOption = None) -> None:
    """Serve the embedded bank to other systems by the GSMA Mobile Money API 1.2, until SIGTERM or Ctrl-C.

    Who may ask stands in `[face]`; `tellerline bank client` makes an entry. What was taken on is finished, up to
    face.drain_s, and what is not is gone on with at the next start.

    Example: `tellerline bank serve -c /etc/tellerline/bank.toml`
    """
    settings = config_of(config)
    configure_logging(settings.server.log_format, settings.server.log_level)
    asyncio.run(_serve(settings))


class May(StrEnum):
    """What a client may do."""

    READ = "read"
    TRANSFER = "transfer"
    REVERSE = "reverse"


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_face(config) as (port, face):
        done = len(face.implemented)
        _log.info(
            "face.started", port=port, tls=config.face.certificate is not None, clients=len(config.face.clients),
            implemented=done, left_out=len(operations()) - done,
        )  # fmt: skip
        await stop.wait()
        _log.info("face.drain_began", under_way=len(face.doing.under_way))
    _log.info("face.stopped")


def client(
    name: Annotated[str, typer.Argument(help="The client's id, as phone or web-1.")],
    may: Annotated[list[May] | None, typer.Option(help="What it may do; may be repeated. Without: read.")] = None,
) -> None:
    """Make a secret for a system that may ask the bank. It is shown once; the settings keep its SHA-256.

    Example: `tellerline bank client phone --may read --may transfer`
    """
    if not (name.replace("-", "").replace("_", "").isalnum() and name.isascii() and len(name) <= 64):
        raise typer.BadParameter("letters, digits, - and _, at most 64")
    secret = secrets.token_urlsafe(32)
    out.print(f"secret of {name}, for its own settings: {secret}")
    out.print("for the bank's settings:")
    digest = hashlib.sha256(secret.encode()).hexdigest()
    scopes = ", ".join(f'"{one.value}"' for one in dict.fromkeys(may or [May.READ]))
    out.print(f'[face.clients]\n{name} = "{digest}"', markup=False, soft_wrap=True)
    out.print(f"[face.scopes]\n{name} = [{scopes}]", markup=False, soft_wrap=True)
