"""Whatever stands in a file, reading it is a flow or a typed error: never a hang, never a crash.

Seeded, so that a failure is found again by its number. `make proof` runs 100,000 inputs.
"""

from __future__ import annotations

import os
import random
import string
import time

import pytest

from core_client.language.errors import ExpressionError, LanguageError
from core_client.language.expressions import compile_expression
from core_client.language.source import Source, decode_source, parse
from flows.assignment import unset
from flows.errors import FlowError
from flows.reading.loader import load_flow_files, load_flow_text
from flows.reading.names import FUNCTIONS
from flows.store import DEFINITIONS
from tests.unit.core_client.language.test_expressions import NAMES
from tests.unit.flows.flow_texts import SMALL
from tests.unit.flows.test_included_files import FILES
from tests.unit.flows.test_schedules_of_flows import TEXT as HOURS
from tests.unit.flows.test_sub_flows import TEXT as CALLS

PROOF = os.environ.get("TELLERLINE_PROOF") == "1"
INPUTS = 100_000 if PROOF else 1_200
pytestmark = pytest.mark.proof
SLOWEST_S = 5.0  # of one input, on a machine that is busy with others

_MARKS = [
    *"[]{}:-?*&!|>'\"#%@`,\n\t ~",
    *("<<", "---", "...", "\x00", "\ufeff", "\u2028", "\ud800", "李", "０", "𝟘", "\x85"),
    *("return", "null", "yes", "1..9"),
]
_SEEDS = [SMALL, CALLS, HOURS, (DEFINITIONS / "retail.yaml").read_text(encoding="utf-8")]


def mutated(rng: random.Random, text: str | None = None) -> str:
    text = rng.choice(_SEEDS) if text is None else text
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(7):
            case 0:
                text = text[:at] + rng.choice(_MARKS) * rng.choice([1, 1, 2, 500]) + text[at:]
            case 1:
                text = text[:at] + text[at + rng.randint(1, 40) :]
            case 2:
                other = rng.randrange(len(text) + 1)
                text = text[:at] + text[other : other + rng.randint(1, 200)] + text[at:]
            case 3:
                text = text[:at] + rng.choice(string.printable) + text[at + 1 :]
            case 4:
                lines = text.splitlines()
                lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines or [""]))
                text = "\n".join(lines)
            case 5:
                words = text.split(" ")
                words[rng.randrange(len(words))] = rng.choice(words)
                text = " ".join(words)
            case _:
                text = text[:at]
    return text


def made_up(rng: random.Random) -> str:
    return "".join(rng.choice([*_MARKS, "a", "flow", "steps", "say", "bank"]) for _ in range(rng.randint(0, 300)))


def flow_error(text: str, number: int) -> FlowError | None:
    try:
        unset(load_flow_text(text, "fuzz.yaml"))
    except FlowError as error:
        return error
    except Exception as error:
        raise AssertionError(f"input {number} raised {type(error).__name__}") from error
    return None


@pytest.mark.timeout(3600 if PROOF else 120)
def test_any_file_is_a_flow_or_a_typed_error() -> None:
    slowest = 0.0
    for number in range(INPUTS):
        rng = random.Random(number)
        text = mutated(rng) if rng.random() < 0.7 else made_up(rng)
        began = time.perf_counter()
        error = flow_error(text, number)
        slowest = max(slowest, time.perf_counter() - began)
        if error is not None:
            assert error.line >= 1, number
            assert len(str(error)) < 4_000, number
    assert slowest < SLOWEST_S


def error_of_files(files: dict[str, str]) -> FlowError | None:
    try:
        unset(load_flow_files("parts.yaml", files))
    except FlowError as error:
        return error
    return None


def test_any_files_of_one_flow_are_a_flow_or_a_typed_error() -> None:
    for number in range(INPUTS // 3):
        rng = random.Random(number)
        name = rng.choice(sorted(FILES))
        files = {**FILES, name: mutated(rng, FILES[name])}
        told = error_of_files(files)
        assert told is None or (told.file in files and told.rule), number


def test_any_bytes_are_text_or_a_typed_error() -> None:
    for number in range(INPUTS // 3):
        rng = random.Random(number)
        data = rng.randbytes(rng.randint(0, 200))
        try:
            parse(decode_source(data, "fuzz.yaml"))
        except LanguageError:
            continue


@pytest.mark.parametrize("depth", [60_000, 200_000])
@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "[{", "a:\n "])
def test_nests_of_any_kind_and_depth_are_typed_errors(opening: str, depth: int) -> None:
    text = opening * (depth // len(opening))
    if opening == "a:\n ":
        text = "".join(f"{' ' * n}a:\n" for n in range(700))
    with pytest.raises(LanguageError):
        parse(Source("fuzz.yaml", text))


def test_any_expression_is_checked_or_a_typed_error() -> None:
    parts = [
        *(*NAMES, *FUNCTIONS, *"(),. +-*/'\"[]:=\n\\{_é李", "==", "<", "in", "not", "and", "or", "1", "0.5"),
        *("lambda", "if", "else", "await", "__class__"),
    ]
    for number in range(INPUTS * 2):
        rng = random.Random(number)
        text = "".join(rng.choice(parts) + rng.choice(["", " "]) for _ in range(rng.randint(0, 60)))
        column = 0
        try:
            compile_expression(text, NAMES, FUNCTIONS)
        except ExpressionError as error:
            column = error.column
        assert 0 <= column <= len(text), (number, text)
