"""Plays conversations on the engine, in as many processes as help, and says what of the flow they visit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from flows.coverage import Coverage, Seen
from flows.model import Flow
from flows.runner import Flows
from sms.commands import Command
from sounds.catalogue import Catalogue
from tellerline.bootstrap import open_flows
from tellerline.config import Config
from tellerline.trying.conversation import Conversation
from tellerline.trying.engine import Watch
from tellerline.trying.loader import load_conversation
from tellerline.trying.runs import run_conversation

ALONE_BELOW = 12  # conversations: fewer are played before other processes have begun
CHUNK = 4  # conversations that a process plays before it tells


@dataclass(slots=True)
class Played:
    """What conversations saw, and what they stumbled over: a conversation that fails covers what it reached."""

    seen: Seen = field(default_factory=Seen)
    count: int = 0
    failures: list[str] = field(default_factory=list)

    def join(self, other: Played) -> None:
        """Take in what others played."""
        self.seen.join(other.seen)
        self.count += other.count
        self.failures += other.failures


@dataclass(frozen=True, slots=True)
class Covered:
    """The flow, what of it was visited, and how the conversations went."""

    flow: Flow
    coverage: Coverage
    count: int
    failures: tuple[str, ...]


def cover(
    files: Sequence[Path],
    config: Config,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] = lambda played: None,
) -> Covered:
    """Play ``files`` and compare with what there is to visit in the settings' flow.

    Args:
        files: conversations; those that are not meant for the engine are left out.
        config: the settings.
        workers: processes; None: as many as there are cores, where there is enough to play.
        progress: hears how many more conversations were played.

    Raises:
        ConversationError: one of them does not load.
        FlowError: a flow does not load.
    """
    meant = [file for file in files if "engine" in load_conversation(file).through]
    catalogue = Catalogue.load(overlay=config.sounds.dir)
    flow = open_flows(config, catalogue).current(config.agi.flow)
    count = workers or (os.cpu_count() or 1 if len(meant) >= ALONE_BELOW else 1)
    played = Played()
    for part in _parts(meant, config, count):
        played.join(part)
        progress(part.count)
    return Covered(flow, Coverage.of(flow, played.seen), played.count, tuple(sorted(played.failures)))


def _parts(files: Sequence[Path], config: Config, workers: int) -> Iterator[Played]:
    chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
    if workers == 1:
        yield from (play_all(chunk, config) for chunk in chunks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(play_all, chunk, config) for chunk in chunks]):
            yield done.result()


def play_all(files: Sequence[Path], config: Config) -> Played:
    """Play ``files`` one after another, on one loading of the flows."""
    catalogue = Catalogue.load(overlay=config.sounds.dir)
    flows = open_flows(config, catalogue)
    played = Played()
    for file in files:
        watch_one(load_conversation(file), config, flows, catalogue, played)
    return played


def watch_one(conversation: Conversation, config: Config, flows: Flows, catalogue: Catalogue, played: Played) -> None:
    """Play one conversation and note what it visited."""
    seen = played.seen

    def commanded(command: Command) -> None:
        seen.commanded(command.pattern, command.language)

    watch = Watch(observer=seen, on_say=seen.speaks, on_text=seen.speaks, on_command=commanded)
    result = run_conversation(conversation, "engine", config=config, flows=flows, catalogue=catalogue, watch=watch)
    played.count += 1
    if result.mismatch is not None:
        played.failures.append(str(result.mismatch))
