"""Every conversation that ships, and those that are only tests, on the engine and over real FastAGI and SMPP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tellerline.demo import CONVERSATIONS
from tellerline.trying.loader import load_conversation
from tellerline.trying.runs import run_conversation

HERE = Path(__file__).parent / "conversations"
FILES = sorted([*CONVERSATIONS.rglob("*.yaml"), *HERE.glob("*.yaml")])
WRONG = sorted((Path(__file__).parent / "wrong").glob("*.yaml"))


def _name(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("through", ["engine", "fastagi"])
@pytest.mark.parametrize("file", FILES, ids=_name)
def test_a_conversation_goes_as_it_is_written(file: Path, through: str) -> None:
    conversation = load_conversation(file)
    if through not in conversation.through:
        pytest.skip(f"not meant for {through}")
    result = run_conversation(conversation, through)
    assert result.passed, f"{result.mismatch}\n{result.transcript.plain()}"


@pytest.mark.parametrize("through", ["engine", "fastagi"])
@pytest.mark.parametrize("file", WRONG, ids=_name)
def test_a_conversation_that_expects_otherwise_fails_at_its_line(file: Path, through: str) -> None:
    result = run_conversation(load_conversation(file), through)
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "# wrong" in text)
    assert result.mismatch is not None, result.transcript.plain()
    assert result.mismatch.place.line == line, f"{result.mismatch}\n{result.transcript.plain()}"


def test_no_transcript_holds_a_pin_or_a_code() -> None:
    texts = ("texts/transfer_by_text", "texts/six_digits_unasked", "texts/wrong_code")
    for name in ("transfers/transfer_by_voice", *texts):
        result = run_conversation(load_conversation(CONVERSATIONS / f"{name}.yaml"), "engine")
        text = result.transcript.plain()
        assert "739154" not in text
        assert "284609" not in text  # the wrong one
