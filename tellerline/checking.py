"""Checks what people write before it meets a customer: settings, flows, conversations, the catalogue and its audio."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from core_client.language.errors import LanguageError
from core_client.language.source import Pairs, parse, read_source
from flows import inspect
from flows.errors import FlowError
from flows.inspect import Finding, Rule, Severity
from flows.inspect.rule import Level
from flows.reading.loader import load_flow
from flows.store import DEFINITIONS, flow_files
from sounds.catalogue import SHIPPED_ROOT, Catalogue
from sounds.errors import CatalogueError, SoundsError
from sounds.manifest import problems
from tellerline.config import Config, load_config
from tellerline.config_places import Places
from tellerline.errors import ConfigError
from tellerline.texts.advice import advice_on
from tellerline.trying.loader import load_conversation

MEND_AUDIO = "Run tellerline sounds build, or add a recording with tellerline sounds add."
FOLDERS_ABOVE = 3  # a part lies beside its flow, or some folders below it

SETTINGS = Rule(
    "settings",
    "a setting that cannot be used",
    "Settings are TOML; `tellerline config show` tells every key with its default. An unknown key is an error: it "
    "would be one that somebody believes in.",
    good="[agi]\nport = 4573\n",
    bad="[agi]\nprot = 4573\n",
    level=Level.FOLDER,
)
SMS_SETTINGS = Rule(
    "sms-settings",
    "SMS settings that can be used, and are perhaps not meant",
    "A short code that an operator does not let through, numbers that nobody serves, a password that crosses the "
    "internet in the clear: it would be found out by customers.",
    good='[[sms.operators]]\nname = "north"\nsenders = ["95500"]\n',
    bad='[[sms.operators]]\nname = "north"\nsenders = ["OTHER"]\n',
    severity=Severity.WARNING,
    level=Level.FOLDER,
)
CONVERSATION = Rule(
    "conversation",
    "a conversation that cannot be read",
    "A conversation file has its name, what is given, and the steps that are played and expected.",
    good='conversation: the balance\nsteps:\n- call: {from: "+8613900000001"}\n- hear: welcome\n- hang_up: true\n',
    bad='conversation: the balance\nsteps:\n- call: {form: "+8613900000001"}\n',
    level=Level.FOLDER,
)
SOUNDS = Rule(
    "sounds",
    "a recording or a catalogue that does not fit",
    "Everything that the catalogue says needs its recording, made from the text as it stands there now.",
    good='welcome: {say: "Welcome to the bank."}\n',
    bad='welcome: {sya: "Welcome to the bank."}\n',
    level=Level.FOLDER,
)
NOTHING_OF_OURS = Rule(
    "unknown-file",
    "a file that is nothing that is checked here",
    "A flow begins with `flow: NAME`, a conversation with `conversation: ITS NAME`; settings are *.toml.",
    good="conversation: the balance\n",
    bad="conversatoin: the balance\n",
    level=Level.FOLDER,
)
RULES: Mapping[str, Rule] = MappingProxyType(
    {**inspect.RULES, **{rule.id: rule for rule in (SETTINGS, SMS_SETTINGS, CONVERSATION, SOUNDS, NOTHING_OF_OURS)}}
)


def check_line(config: Config) -> Iterator[Finding]:
    """Check the line that the settings describe: its flows, its catalogue, its audio."""
    folder = config.flows.dir or DEFINITIONS
    if not folder.is_dir():
        message = "there is no such folder of flows"
        yield Finding(str(folder), 1, 1, message, "Set flows.dir.", rule=SETTINGS.id)
        return
    try:
        catalogue = Catalogue.load(overlay=config.sounds.dir)
    except SoundsError as error:
        yield _of_sounds(error)
        return
    yield from inspect.check(
        [folder],
        catalogue,
        config.agi.call_limit_s,
        today=_today(),
        own_catalogues=_own_catalogues(config.sounds.dir, folder),
    )
    yield from check_sounds(catalogue)


def _own_catalogues(overlay: Path | None, folder: Path) -> list[Path]:
    """Answer the catalogue files that belong to these flows: the operator's, or the shipped ones to the shipped."""
    if overlay is None and folder != DEFINITIONS:
        return []  # an operator's flows need not say all that is shipped
    root = overlay or SHIPPED_ROOT
    return [file for file in sorted((root / "catalogue").glob("*.yaml")) if file.stem != "names"]


def check_paths(paths: Iterable[Path], config: Config) -> Iterator[Finding]:
    """Check files and folders, each as what it is: settings (.toml), a flow, or a conversation."""
    catalogue = Catalogue.load(overlay=config.sounds.dir)
    flows: list[Path] = []
    for path in paths:
        if not path.is_dir():
            yield from _check_file(path, flows, named=True)
            continue
        for file in sorted(path.rglob("*")):
            if file.suffix in (".yaml", ".yml", ".toml"):
                yield from _check_file(file, flows, named=False)
    yield from inspect.check(dict.fromkeys(flows), catalogue, config.agi.call_limit_s, today=_today())


def _check_file(file: Path, flows: list[Path], *, named: bool) -> Iterator[Finding]:
    """Check one file, or add it to ``flows``; one that is nothing of ours is only told when it was named itself."""
    if file.suffix == ".toml":
        yield from _check_settings(file)
        return
    try:
        root = parse(read_source(file))
    except LanguageError as error:
        yield Finding.of_error(error)
        return
    keys = root.keys.keys() if isinstance(root, Pairs) else set()
    if "conversation" in keys:
        yield from _check_conversation(file)
    elif inspect.is_part(file):
        # Named alone, it is looked at through the flows that include it.
        flows += [file, *_including(file)] if named else [file]
    elif "flow" in keys or "steps" in keys:
        flows.append(file)
    elif named:
        hint = "A flow begins with 'flow: NAME', a conversation with 'conversation: ITS NAME'."
        yield Finding(str(file), 1, 1, "neither a flow nor a conversation", hint, rule=NOTHING_OF_OURS.id)


def _including(part: Path) -> Iterator[Path]:
    """Answer the flows beside ``part`` or above it that include it. One that does not load may do so because of it."""
    wanted = part.resolve()
    for folder in [part.parent, *part.absolute().parent.parents][:FOLDERS_ABOVE]:
        for file in flow_files(folder):
            try:
                included = load_flow(file).included
            except FlowError:
                yield file
                continue
            if any((folder / name).resolve() == wanted for name in included):
                yield file


def _check_settings(file: Path) -> Iterator[Finding]:
    try:
        config = load_config(file, {}, secrets=False)
    except ConfigError as error:
        place, _, line = error.source.rpartition(":")
        at = int(line) if place and line.isdecimal() else 1
        yield Finding(str(file), at, 1, f"{error.key}: {error.problem}", error.fix, rule=SETTINGS.id)
        return
    places = Places(file.read_text(encoding="utf-8"))
    for advice in advice_on(config):
        at = places.line(advice.keys) or 1
        yield Finding(str(file), at, 1, advice.problem, advice.mend, Severity.WARNING, rule=SMS_SETTINGS.id)


def _check_conversation(file: Path) -> Iterator[Finding]:
    try:
        load_conversation(file)
    except LanguageError as error:
        yield Finding.of_error(error, CONVERSATION.id)


def check_sounds(catalogue: Catalogue) -> Iterator[Finding]:
    """Check that everything that may be said has a recording, and that the recordings are those of the texts."""
    for language in catalogue.languages:
        try:
            found = problems(catalogue.texts(language), catalogue.audio_roots())
        except SoundsError as error:
            yield _of_sounds(error)
            continue
        for problem in found:
            yield Finding(f"sounds/{language}", 1, 1, problem, MEND_AUDIO, rule=SOUNDS.id)


def _of_sounds(error: SoundsError) -> Finding:
    if isinstance(error, CatalogueError):
        return Finding(str(error.file), error.line, 1, error.problem, error.mend, rule=SOUNDS.id)
    return Finding("sounds", 1, 1, str(error), rule=SOUNDS.id)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
