"""Runs conversation files through a wire, each in a fresh world on a loop of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flows.runner import Flows
from sounds.catalogue import Catalogue
from tellerline.config import Config
from tellerline.errors import ParleyError
from tellerline.trying.conversation import Conversation, Given
from tellerline.trying.driver import Driver
from tellerline.trying.pace import LEAP, run_paced
from tellerline.trying.play import Player, Result
from tellerline.trying.world import CatalogueWords, DemoCustomers

if TYPE_CHECKING:
    from tellerline.trying.engine import Watch

WIRES = ("engine", "fastagi", "asterisk")
# How much faster than the wall clock the loop of a wire runs; the real Asterisk keeps its own time.
PACES = {"engine": LEAP, "fastagi": 10.0, "asterisk": 1.0}


def run_conversation(
    conversation: Conversation,
    through: str,
    *,
    pace: float | None = None,
    config: Config | None = None,
    flows: Flows | None = None,
    catalogue: Catalogue | None = None,
    watch: Watch | None = None,
) -> Result:
    """Play ``conversation`` through a wire and answer how it went.

    Args:
        conversation: what is played.
        through: the name of the wire.
        pace: how much faster than the wall clock, in place of the wire's own.
        config: settings whose flows and catalogue are tried, in place of the shipped ones.
        flows: on the engine: flows that are ready, in place of those of the settings' folder.
        catalogue: on the engine: the words of these flows, where they are not those of the settings.
        watch: on the engine: hears of every turn.

    Raises:
        ParleyError: it cannot be run on this wire.
    """
    if through != "engine" and (flows is not None or catalogue is not None or watch is not None):
        raise ParleyError(f"flows that are ready, and who watches them, are for the engine and not for '{through}'")
    if through != "engine" and not conversation.given.recorder:
        raise ParleyError(f"'recorder: false' is for the engine and not for '{through}': write through: [engine]")
    make = driver_of(through, config, flows=flows, catalogue=catalogue, watch=watch)
    words = CatalogueWords(catalogue or Catalogue.load(overlay=config.sounds.dir if config is not None else None))

    async def play() -> Result:
        async with make(conversation.given) as driver:
            return await Player(driver, words, DemoCustomers()).play(conversation)

    return run_paced(play, PACES[through] if pace is None else pace)


def driver_of(
    through: str,
    config: Config | None = None,
    *,
    flows: Flows | None = None,
    catalogue: Catalogue | None = None,
    watch: Watch | None = None,
) -> Callable[[Given], Driver]:
    """Answer what makes the driver of a wire; only its own parts are loaded.

    Raises:
        ParleyError: there is no such wire.
    """
    match through:
        case "engine":
            from tellerline.trying.engine import EngineDriver

            return lambda given: EngineDriver(given, config, flows=flows, catalogue=catalogue, watch=watch)
        case "fastagi":
            from tellerline.trying.fastagi import FastAgiDriver

            return lambda given: FastAgiDriver(given, config)
        case "asterisk":
            from tellerline.trying.asterisk_driver import AsteriskDriver

            return lambda given: AsteriskDriver(given, config=config)
        case _:
            raise ParleyError(f"there is no wire '{through}': {', '.join(WIRES)}")
