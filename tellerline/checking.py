"""Checks what people write before it meets a customer: settings, flows, conversations, the catalogue and its audio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from core_client.language.errors import LanguageError
from core_client.language.source import Pairs, parse, read_source
from flows import inspect
from flows.inspect import Finding
from flows.store import DEFINITIONS
from sounds.catalogue import Catalogue
from sounds.errors import CatalogueError, SoundsError
from sounds.manifest import problems
from tellerline.config import Config, load_config
from tellerline.errors import ConfigError
from tellerline.trying.loader import load_conversation

MEND_AUDIO = "Run tellerline sounds build, or add a recording with tellerline sounds add."


def check_line(config: Config) -> Iterator[Finding]:
    """Check the line that the settings describe: its flows, its catalogue, its audio."""
    folder = config.flows.dir or DEFINITIONS
    if not folder.is_dir():
        yield Finding(str(folder), 1, 1, "there is no such folder of flows", "Set flows.dir.")
        return
    try:
        catalogue = Catalogue.load(overlay=config.sounds.dir)
    except SoundsError as error:
        yield _of_sounds(error)
        return
    yield from inspect.check([folder], catalogue)
    yield from check_sounds(catalogue)


def check_paths(paths: Iterable[Path], config: Config) -> Iterator[Finding]:
    """Check files and folders, each as what it is: settings (.toml), a flow, or a conversation."""
    catalogue = Catalogue.load(overlay=config.sounds.dir)
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.suffix in (".yaml", ".yml", ".toml"):
                    yield from _check_file(file, catalogue, named=False)
        else:
            yield from _check_file(path, catalogue, named=True)


def _check_file(file: Path, catalogue: Catalogue, *, named: bool) -> Iterator[Finding]:
    """Check one file; one that is nothing of ours is only told when it was named itself."""
    if file.suffix == ".toml":
        yield from _check_settings(file)
        return
    try:
        root = parse(read_source(file))
    except LanguageError as error:
        yield _of_language(error)
        return
    keys = set(root.keys) if isinstance(root, Pairs) else set()
    if "conversation" in keys:
        yield from _check_conversation(file)
    elif "flow" in keys or "steps" in keys:
        yield from inspect.check([file], catalogue)
    elif named:
        hint = "A flow begins with 'flow: NAME', a conversation with 'conversation: ITS NAME'."
        yield Finding(str(file), 1, 1, "neither a flow nor a conversation", hint)


def _check_settings(file: Path) -> Iterator[Finding]:
    try:
        load_config(file, {})
    except ConfigError as error:
        place, _, line = error.source.rpartition(":")
        at = int(line) if place and line.isdecimal() else 1
        yield Finding(str(file), at, 1, f"{error.key}: {error.problem}", error.fix)


def _check_conversation(file: Path) -> Iterator[Finding]:
    try:
        load_conversation(file)
    except LanguageError as error:
        yield _of_language(error)


def check_sounds(catalogue: Catalogue) -> Iterator[Finding]:
    """Check that everything that may be said has a recording, and that the recordings are those of the texts."""
    for language in catalogue.languages:
        try:
            found = problems(catalogue.texts(language), catalogue.audio_roots())
        except SoundsError as error:
            yield _of_sounds(error)
            continue
        for problem in found:
            yield Finding(f"sounds/{language}", 1, 1, problem, MEND_AUDIO)


def _of_language(error: LanguageError) -> Finding:
    return Finding(error.file, error.line, error.column, error.message, error.hint, source_line=error.source_line)


def _of_sounds(error: SoundsError) -> Finding:
    if isinstance(error, CatalogueError):
        return Finding(str(error.file), error.line, 1, error.problem, error.mend)
    return Finding("sounds", 1, 1, str(error))
