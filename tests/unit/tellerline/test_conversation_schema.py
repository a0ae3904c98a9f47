from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tellerline.demo import CONVERSATIONS
from tellerline.trying.loader import _WORDS
from tellerline.trying.schema import FILE, conversation_schema, schema_text


def test_the_file_that_ships_is_the_one_that_is_written() -> None:
    assert FILE.read_text(encoding="utf-8") == schema_text()
    jsonschema.Draft7Validator.check_schema(conversation_schema())


@pytest.mark.parametrize("file", sorted(CONVERSATIONS.rglob("*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_conversation_is_right_for_an_editor(file: Path) -> None:
    jsonschema.validate(yaml.safe_load(file.read_text(encoding="utf-8")), conversation_schema())


@pytest.mark.parametrize(
    "step",
    [{"haer": "welcome"}, {"hear": "welcome", "witin": "3s"}, {"silence": 7}, {"text": {"to": "1"}}, {"press": []}],
)
def test_an_editor_underlines_a_slip(step: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"conversation": "x", "steps": [step]}, conversation_schema())


def test_the_schema_knows_every_word_that_the_loader_knows() -> None:
    steps = conversation_schema()["properties"]["steps"]["items"]["anyOf"]
    known = {step["required"][0]: set(step["properties"]) - {step["required"][0]} for step in steps}
    assert known == {word: set(beside) for word, (_, beside) in _WORDS.items()}
    assert json.loads(FILE.read_text(encoding="utf-8")) == conversation_schema()
