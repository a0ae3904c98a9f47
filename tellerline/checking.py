"""Checks what people write before it meets a customer: settings, flows, conversations, the catalogue and its audio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from core_client.language.errors import LanguageError
from core_client.language.source import Pairs, parse, read_source
from flows import inspect
from flows.errors import FlowError
from flows.loader import load_flow
from flows.model import Flow
from flows.store import DEFINITIONS
from sounds.catalogue import Catalogue
from sounds.errors import CatalogueError, SoundsError
from sounds.manifest import problems
from tellerline.config import Config, load_config
from tellerline.errors import ConfigError
from tellerline.trying.loader import load_conversation

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or odd."""

    severity: str
    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    text: str = ""  # the whole report, with line and caret where there is one

    def json(self) -> dict[str, object]:
        """Answer it for machines."""
        fields = asdict(self)
        del fields["text"]
        return fields


def check_line(config: Config) -> Iterator[Finding]:
    """Check the line that the settings describe: its flows, its catalogue, its audio."""
    folder = config.flows.dir or DEFINITIONS
    if not folder.is_dir():
        yield Finding(ERROR, str(folder), 1, 1, "there is no such folder of flows", "Set flows.dir.")
    files = sorted(folder.glob("*.yaml"))
    try:
        catalogue = Catalogue.load(overlay=config.sounds.dir)
    except SoundsError as error:
        yield _of_sounds(error)
        return
    for file in files:
        yield from check_flow(file, catalogue)
    yield from check_sounds(catalogue)


def check_paths(paths: Iterable[Path], config: Config) -> Iterator[Finding]:
    """Check files and folders, each as what it is: settings (.toml), a flow, or a conversation."""
    catalogue = Catalogue.load(overlay=config.sounds.dir)
    for path in paths:
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if file.suffix in (".yaml", ".yml", ".toml")]
            for file in inside:
                yield from _check_file(file, catalogue, named=False)
        else:
            yield from _check_file(path, catalogue, named=True)


def _check_file(file: Path, catalogue: Catalogue, *, named: bool) -> Iterator[Finding]:
    if file.suffix == ".toml":
        yield from _check_settings(file)
        return
    try:
        source = read_source(file)
        root = parse(source)
    except LanguageError as error:
        yield _of_language(error)
        return
    keys = set(root.keys) if isinstance(root, Pairs) else set()
    if "conversation" in keys:
        yield from _check_conversation(file)
    elif "flow" in keys:
        yield from check_flow(file, catalogue)
    elif named:
        hint = "A flow begins with 'flow: NAME', a conversation with 'conversation: ITS NAME'."
        yield Finding(ERROR, str(file), 1, 1, "neither a flow nor a conversation", hint)


def _check_settings(file: Path) -> Iterator[Finding]:
    try:
        load_config(file, {})
    except ConfigError as error:
        place, _, line = error.source.rpartition(":")
        at = int(line) if place and line.isdecimal() else 1
        yield Finding(ERROR, str(file), at, 1, f"{error.key}: {error.problem}", error.fix)


def _check_conversation(file: Path) -> Iterator[Finding]:
    try:
        load_conversation(file)
    except LanguageError as error:
        yield _of_language(error)


def check_flow(file: Path, catalogue: Catalogue) -> Iterator[Finding]:
    """Check one flow: that it loads, and what the inspectors find in it."""
    try:
        flow = load_flow(file)
    except FlowError as error:
        yield _of_language(error)
        for more in error.more:
            yield _of_language(more)
        return
    yield from _inspected(flow, file, catalogue)


def _inspected(flow: Flow, file: Path, catalogue: Catalogue) -> Iterator[Finding]:
    for found in inspect.inspect(flow, catalogue):
        yield Finding(ERROR if found.error else WARNING, str(file), found.line, found.column, found.message, found.hint)


def check_sounds(catalogue: Catalogue) -> Iterator[Finding]:
    """Check that everything that may be said has a recording, and that the recordings are those of the texts."""
    for language in catalogue.languages:
        for problem in problems(catalogue.texts(language), catalogue.audio_roots()):
            yield Finding(ERROR, f"sounds/{language}", 1, 1, problem, "tellerline sounds build, or sounds add.")


def _of_language(error: LanguageError) -> Finding:
    return Finding(ERROR, error.file, error.line, error.column, error.message, error.hint, str(error))


def _of_sounds(error: SoundsError) -> Finding:
    if isinstance(error, CatalogueError):
        return Finding(ERROR, str(error.file), error.line, 1, error.problem, error.mend, str(error))
    return Finding(ERROR, "sounds", 1, 1, str(error))
