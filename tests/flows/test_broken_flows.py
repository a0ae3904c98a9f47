"""One fault a file, with the message, the line and the column that a person reads; all exact."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from core_client.language.source import MAX_BYTES, MAX_NODES, MAX_SCALAR
from flows.errors import FlowError
from flows.inspect import RULES
from flows.inspect.finding import DEFAULT_RULE
from flows.reading.loader import load_flow

BROKEN = Path(__file__).parent / "broken"
FILES = sorted([*BROKEN.glob("*.yaml"), *BROKEN.glob("*/flow.yaml")])
_EXPECT = re.compile(r"# expect: (?:([\w.]+):)?(\d+):(\d+) \[([a-z-]+)\] (.*)")

HEAD = "flow: broken\nlanguages: [en]\nstart: main\ndefaults: {on_fail: bye}\nsteps:\n"
GOOD = HEAD + "  main: {say: [welcome], next: bye}\n  bye: {say: [goodbye], hangup: true}\n"
BAD = GOOD.replace("next: bye", "next: by")


@dataclass(frozen=True)
class Expected:
    """What the first lines of a broken flow promise."""

    file: str
    line: int
    column: int
    rule: str
    message: str
    hint: str


def expected(path: Path) -> Expected:
    lines = path.read_text(encoding="utf-8").split("\n")
    match = _EXPECT.fullmatch(lines[0])
    assert match is not None, f"{path.name} does not say what is expected of it"
    hint = lines[1].removeprefix("# hint: ") if lines[1].startswith("# hint: ") else ""
    return Expected(match[1] or path.name, int(match[2]), int(match[3]), match[4], match[5], hint)


def told(path: Path) -> tuple[Expected, tuple[FlowError, ...]]:
    with pytest.raises(FlowError) as caught:
        load_flow(path)
    error = caught.value
    rule = error.rule or DEFAULT_RULE
    return Expected(Path(error.file).name, error.line, error.column, rule, error.message, error.hint), error.more


def _name(path: Path) -> str:
    return path.stem if path.parent == BROKEN else path.parent.name


def test_there_are_enough_of_them() -> None:
    assert len(FILES) + len(MADE) >= 90


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_broken_flow_is_told_exactly_and_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    found, more = told(Path(path.name))
    assert found == expected(path)
    assert more == ()
    assert found.rule in RULES


# --- files that no editor shows well: made of a recipe ---


def _nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return GOOD.replace("[welcome]", opening * depth + "welcome" + closing * depth)


MADE: dict[str, tuple[bytes, int, int, str, str]] = {
    "bom_then_a_fault": (
        b"\xef\xbb\xbf" + BAD.encode(), 6, 32, "there is no step 'by'", "Did you mean 'bye'?",
    ),
    "bom_alone": (b"\xef\xbb\xbf", 1, 1, "the file is empty", ""),
    "bom_inside": (
        BAD.replace("welcome", "wel\ufeffcome").encode(),
        6, 19, "a byte order mark, which nobody sees, inside the file", "Remove it.",
    ),
    "crlf_then_a_fault": (
        BAD.replace("\n", "\r\n").encode(), 6, 32, "there is no step 'by'", "Did you mean 'bye'?",
    ),
    "old_mac_line_ends": (
        BAD.replace("\n", "\r").encode(), 6, 32, "there is no step 'by'", "Did you mean 'bye'?",
    ),
    "two_megabytes": (
        (GOOD + "# filler\n" * 220_000).encode(),
        1, 1, "this file has 1934 KiB; at most 256 KiB are read", "Split it into several files.",
    ),
    "one_byte_too_many": (
        (GOOD + "#" * (MAX_BYTES - len(GOOD) + 1)).encode(),
        1, 1, "this file has 257 KiB; at most 256 KiB are read", "Split it into several files.",
    ),
    "sixty_thousand_brackets": (_nested(60_000).encode(), 6, 28, "nested deeper than 16", ""),
    "thirty_thousand_braces": (_nested(30_000, "{a: ", "}").encode(), 6, 67, "nested deeper than 16", ""),
    "nested_by_indent": (
        (HEAD + "".join(f"{' ' * depth}a:\n" for depth in range(1, 40))).encode(),
        21, 17, "nested deeper than 16", "",
    ),
    "empty": (b"", 1, 1, "the file is empty", ""),
    "blank_lines_only": (b"\n\n\n", 1, 1, "the file is empty", ""),
    "latin_1": (
        BAD.replace("welcome", "café").encode("latin-1"),
        6, 19, "this is not UTF-8 text", "Save the file as UTF-8.",
    ),
    "utf_16": (GOOD.encode("utf-16"), 1, 1, "this is not UTF-8 text", "Save the file as UTF-8."),
    "gbk": (
        BAD.replace("welcome", "欢迎").encode("gbk"),
        6, 16, "this is not UTF-8 text", "Save the file as UTF-8.",
    ),
    "a_null_byte": (
        BAD.replace("welcome", "wel\0come").encode(), 6, 19, "a character that has no place in a YAML file", "",
    ),
    "a_bell": (
        BAD.replace("welcome", "\awelcome").encode(), 6, 16, "a character that has no place in a YAML file", "",
    ),
    "a_text_of_5000_characters": (
        GOOD.replace("welcome", "w" * (MAX_SCALAR + 1)).encode(),
        6, 16, f"a text longer than {MAX_SCALAR} characters", "",
    ),
    "too_many_values": (
        GOOD.replace("[welcome]", f"[{'a,' * MAX_NODES}]").encode(),
        6, 39980, f"more than {MAX_NODES} values in one file", "Split it.",
    ),
    "a_carriage_of_two_documents": (
        (GOOD + "...\n---\nflow: b\n").encode(),
        9, 1, "a second document in one file", "Use one file for each.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_a_file_that_no_editor_shows_is_told_exactly_too(name: str, tmp_path: Path) -> None:
    data, line, column, message, hint = MADE[name]
    path = tmp_path / "broken.yaml"
    path.write_bytes(data)
    found, more = told(path)
    assert (found.line, found.column, found.message, found.hint) == (line, column, message, hint)
    assert more == ()


def test_files_that_include_files_too_deep_or_too_many_are_told(tmp_path: Path) -> None:
    main = tmp_path / "flow.yaml"
    main.write_text("include: [p0.yaml]\n" + GOOD)
    for number in range(12):
        (tmp_path / f"p{number}.yaml").write_text(f"include: [p{number + 1}.yaml]\n")
    found, _ = told(main)
    assert (found.file, found.line, found.column) == ("p7.yaml", 1, 11)
    assert found.message == "files that include files, deeper than 8"
    many = [f"q{number}.yaml" for number in range(41)]
    for name in many:
        (tmp_path / name).write_text("steps: {}\n")
    main.write_text("include:\n" + "".join(f"- {name}\n" for name in many) + GOOD)
    found, _ = told(main)
    assert (found.file, found.line, found.column, found.message) == (
        "flow.yaml",
        42,
        3,
        "more than 40 files in one flow",
    )


def test_what_the_fixtures_are_made_of_loads(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    assert load_flow(path).start == "main"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_flow(path).start == "main"
