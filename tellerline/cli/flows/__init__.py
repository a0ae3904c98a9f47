"""``tellerline flows``: make, look at, try, publish and watch call flows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import typer

from tellerline.cli.lazy import Lazy, LazyGroup


class FlowCommands(LazyGroup):
    """The commands for flows, each with the module that has it."""

    lazy: ClassVar[Mapping[str, Lazy]] = {
        "init": Lazy(
            "tellerline.cli.flows.publishing",
            "Make a folder of your own to change the line in.",
        ),
        "play": Lazy(
            "tellerline.cli.flows.playing",
            "Call or text a flow from the terminal, on the engine and the demo bank alone: no server, no waiting.",
        ),
        "coverage": Lazy(
            "tellerline.cli.flows.covering",
            "Play all conversations on the engine and say which steps, choices and outcomes none of them visits.",
        ),
        "graph": Lazy(
            "tellerline.cli.flows.pictures",
            "Draw a flow: its steps by kind, the ways between them, gates, commands, and what nobody can reach.",
        ),
        "diff": Lazy(
            "tellerline.cli.flows.pictures",
            "Tell in words what is otherwise in B than in A: steps, ways, questions, gates, prompts and recordings.",
        ),
        "publish": Lazy(
            "tellerline.cli.flows.publishing",
            "Check the flow, try its conversations, and publish it. Nothing that fails goes live.",
        ),
        "approve": Lazy(
            "tellerline.cli.flows.publishing",
            "Make the version that waits live. Not your own.",
        ),
        "withdraw": Lazy(
            "tellerline.cli.flows.publishing",
            "Take the version that waits back: your own, or, as an approver, anybody's that you refuse.",
        ),
        "rollback": Lazy(
            "tellerline.cli.flows.publishing",
            "Go back to a version that was live before, at once.",
        ),
        "status": Lazy(
            "tellerline.cli.flows.standing",
            "Show what callers get now, what waits for whom, which draft can be called, and which notices are on.",
        ),
        "log": Lazy(
            "tellerline.cli.flows.standing",
            "Show what happened to a flow: who published, approved and took back which version, when and why.",
        ),
        "stats": Lazy(
            "tellerline.cli.flows.pictures",
            "Show what callers do in a version: visits, answers, silence, where they hang up, and how long they take.",
        ),
        "notice": Lazy(
            "tellerline.cli.flows.notices", "Announcements that staff switch on and off without a new version."
        ),
    }


app = typer.Typer(cls=FlowCommands, no_args_is_help=True, help="Make, look at, try, publish and watch call flows.")


@app.callback()
def _top() -> None:
    """Nothing to do before a command."""
