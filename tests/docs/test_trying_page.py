"""What the page on trying flows shows is what the commands say and the loader reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tellerline.play_words import HELP
from tellerline.trying import conversation as c
from tellerline.trying.loader import load_conversation_text
from tellerline.trying.runs import run_conversation

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "flows" / "trying.md").read_text(encoding="utf-8")
CONVERSATIONS = re.findall(r"^```yaml\n(conversation: .*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", CONVERSATIONS, ids=[text.splitlines()[0] for text in CONVERSATIONS])
def test_a_conversation_of_the_page_passes(text: str) -> None:
    result = run_conversation(load_conversation_text(text, "trying.md"), "engine")
    assert result.passed, f"{result.mismatch}\n{result.transcript.plain()}"


def test_the_page_has_both_conversations() -> None:
    assert len(CONVERSATIONS) == 2


def test_every_command_of_play_is_explained_and_no_other() -> None:
    commands = set(re.findall(r"(?:^|\s)\.([a-z]+)", HELP))
    table = "".join(line for line in PAGE.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`\.([a-z]+)", table)) == commands


def test_every_word_for_agents_is_told() -> None:
    line = next(line for line in PAGE.splitlines() if "agents: {retail" in line)
    assert [word for word in c.Agents if word.value not in line] == []
