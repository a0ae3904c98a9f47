"""``tellerline sms``: send texts, follow one through its life, look after binds and what waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import typer

from tellerline.cli.lazy import Lazy, LazyGroup


class SmsCommands(LazyGroup):
    """The commands for texts, each with the module that has it."""

    lazy: ClassVar[Mapping[str, Lazy]] = {
        "send": Lazy("tellerline.cli.sms.sending", "Text one number, or every number of a file once, as a campaign."),
        "trace": Lazy(
            "tellerline.cli.sms.tracing", "Follow a text through its whole life: every change with its time."
        ),
        "binds": Lazy("tellerline.cli.sms.binds", "Show the binds of all nodes: up or not, window, rate, throttling."),
        "outbox": Lazy("tellerline.cli.sms.outbox", "Show what waits to be sent; hold it, release it, or give it up."),
        "replay": Lazy("tellerline.cli.sms.replaying", "Send again what did not arrive, after a look and a question."),
    }


app = typer.Typer(
    cls=SmsCommands,
    no_args_is_help=True,
    help="Send texts, follow one through its life, look after binds and what waits.\n\n"
    "All of it works beside running nodes and without any. "
    "To text the bank as a customer does: `tellerline text`.\n\n"
    "Example: `tellerline sms trace +8613900000001`",
)


@app.callback()
def _top() -> None:
    """Nothing to do before a command."""
