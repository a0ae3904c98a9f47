"""One catalogue file, read with places: every error names file, line and the mend.

The file is composed, never loaded, so that nothing is guessed (``no`` stays a word); size and nesting are capped
before, since a composer recurses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from sounds.errors import CatalogueError
from sounds.words import LANGUAGES

MAX_FILE_BYTES = 1_000_000  # the shipped catalogues are 10 kB
MAX_DEPTH = 4  # prompt id -> its texts is 2
MAX_TEXT = 1_000  # a minute of speech
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_KEYS = frozenset("0123456789*#")
_FIELDS = ("say", "sms", "keys")
_SAY = "say_"
_FIRST_HAN, _LAST_HAN = "\u4e00", "\u9fff"


@dataclass(frozen=True, slots=True)
class Entry:
    """One prompt in one language: what is spoken, what a text says, which keys it announces."""

    say: str
    sms: str
    keys: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    """A name that has clips: as each language writes it, and as its voice is asked to say it where that differs."""

    id: str
    written: Mapping[str, str]
    say: Mapping[str, str]


def read_prompts(file: Path) -> dict[str, Entry]:
    """Read ``{prompt id: {say: ..., sms: ..., keys: ...}}``.

    Raises:
        CatalogueError: with the line and the mend.
    """
    entries: dict[str, Entry] = {}
    for key, value in _pairs(_compose(file), file, "a catalogue is a mapping of prompt ids"):
        line = key.start_mark.line + 1
        prompt = _text(key, file)
        if not prompt or not set(prompt) <= _ID_CHARACTERS:
            raise CatalogueError(file, line, f"'{prompt}' is no prompt id", "Use a-z, 0-9 and _")
        if prompt in entries:
            mend = f"It was given on line {entries[prompt].line}: keep one"
            raise CatalogueError(file, line, f"'{prompt}' is given twice", mend)
        texts = _fields(value, file, prompt, _FIELDS)
        if "say" not in texts:
            raise CatalogueError(file, line, f"'{prompt}' says nothing", 'Write {say: "what is spoken"}')
        keys = texts.get("keys", "")
        if not set(keys) <= _KEYS:
            raise CatalogueError(file, line, f"'{keys}' are no keys of a telephone", "Use 0-9, * and #")
        entries[prompt] = Entry(texts["say"], texts.get("sms", texts["say"]), keys, line)
    return entries


def read_names(file: Path) -> dict[str, Name]:
    """Read ``{clip id: {zh: 李雷, en: Li Lei, say_en: Lee Lay}}``: the names that have clips.

    Raises:
        CatalogueError: with the line and the mend.
    """
    names: dict[str, Name] = {}
    fields = (*LANGUAGES, *(_SAY + lang for lang in LANGUAGES))
    for key, value in _pairs(_compose(file), file, "names are a mapping of clip ids"):
        line = key.start_mark.line + 1
        clip = _text(key, file)
        if not clip or not set(clip) <= _ID_CHARACTERS:
            raise CatalogueError(file, line, f"'{clip}' is no clip id", "Use a-z, 0-9 and _")
        if clip in names:
            raise CatalogueError(file, line, f"'{clip}' is given twice", "Keep one")
        texts = _fields(value, file, clip, fields)
        written = {lang: texts[lang] for lang in LANGUAGES if lang in texts}
        if not written:
            raise CatalogueError(file, line, f"'{clip}' is written nowhere", "Write {zh: 李雷, en: Li Lei}")
        say = {lang: texts[_SAY + lang] for lang in written if _SAY + lang in texts}
        names[clip] = Name(clip, written, say)
    return names


def written_forms(name: str) -> tuple[str, ...]:
    """Answer the forms by which ``name`` is known: whole, its Chinese words, its other words; each run together."""
    words = name.split()
    chinese = [word for word in words if any(_FIRST_HAN <= letter <= _LAST_HAN for letter in word)]
    others = [word for word in words if word not in chinese]
    return tuple("".join(part).casefold() for part in (words, chinese, others) if part)


def _compose(file: Path) -> yaml.Node:
    try:
        data = file.read_bytes()
    except OSError as problem:
        raise CatalogueError(file, 1, f"cannot be read ({problem.strerror})", "Check the path") from None
    if len(data) > MAX_FILE_BYTES:
        raise CatalogueError(file, 1, f"has {len(data)} bytes", f"Keep it under {MAX_FILE_BYTES}")
    try:
        text = data.decode("utf-8")
        _check_events(text, file)
        node = yaml.compose(text, Loader=yaml.CBaseLoader)
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        raise CatalogueError(file, line, "is not UTF-8", "Save it as UTF-8") from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        mend = "Check quotes, colons and braces there"
        raise CatalogueError(file, line, problem.problem or "is no YAML", mend) from None
    except yaml.YAMLError as problem:
        raise CatalogueError(file, 1, str(problem).splitlines()[0], "Remove control characters") from None
    if node is None:
        raise CatalogueError(file, 1, "is empty", 'Write prompts as: welcome: {say: "Welcome."}')
    return node


def _check_events(text: str, file: Path) -> None:
    """Refuse depth before anything recurses, and anchors, aliases and tags, which no catalogue needs."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CBaseLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > MAX_DEPTH:
                raise CatalogueError(file, line, "is nested too deeply", "Write prompt: {say: text}")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise CatalogueError(file, line, "has an anchor, alias or tag", "Write the text out")


def _pairs(node: yaml.Node, file: Path, shape: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise CatalogueError(file, node.start_mark.line + 1, shape, "Write key: value")
    yield from node.value


def _text(node: yaml.Node, file: Path) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise CatalogueError(file, node.start_mark.line + 1, "a text is expected here", "Put it in quotes")
    text = str(node.value).strip()
    if len(text) > MAX_TEXT:
        mend = f"Keep it under {MAX_TEXT}, or split the prompt"
        raise CatalogueError(file, node.start_mark.line + 1, f"the text has {len(text)} characters", mend)
    if any(ord(letter) < ord(" ") for letter in text):
        raise CatalogueError(file, node.start_mark.line + 1, "the text has control characters", "Write one line")
    return text


def _fields(node: yaml.Node, file: Path, owner: str, known: tuple[str, ...]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in _pairs(node, file, f"'{owner}' is no mapping"):
        name = _text(key, file)
        line = key.start_mark.line + 1
        if name not in known:
            raise CatalogueError(file, line, f"unknown key '{name}' in '{owner}'", f"The keys are {', '.join(known)}")
        if name in texts:
            raise CatalogueError(file, line, f"'{name}' is given twice in '{owner}'", "Keep one")
        texts[name] = _text(value, file)
        if not texts[name]:
            raise CatalogueError(file, line, f"'{name}' of '{owner}' is empty", "Write the text, or remove the key")
    return texts
