"""The JSON Schema (draft-07) of a conversation file, for editors: what yaml-language-server reads.

``python -m tellerline.trying.schema`` writes ``tellerline/conversations/conversation.schema.json``; a test compares
the file with this module and every shipped conversation with the file. The loader stays the judge: a schema cannot
say that a call must be made before it is heard.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core_client.operations import REGISTRY
from tellerline.trying.conversation import Agents

FILE = Path(__file__).parents[1] / "conversations" / "conversation.schema.json"

_TEXT = {"type": ["string", "number", "boolean"]}
_SPAN = {"type": "string", "pattern": r"^\d{1,5}(\.\d{1,3})?\s?(ms|s|m|h)$", "description": "As 500ms, 7s, 10m, 1h."}
_NUMBER = {"type": ["string", "integer"], "pattern": r"^\+?\d{2,20}$"}
_NAME = {"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_-]*$"}
_TRUE = {"enum": [True, "true"]}
_PIN = {
    "type": "object",
    "properties": {"pin": {"type": ["string", "integer"], "description": "customer, wrong, or a customer number."}},
    "required": ["pin"],
    "additionalProperties": False,
}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _heard() -> dict[str, Any]:
    one = {
        "anyOf": [
            {"type": "string", "description": "A prompt's id, or ... for anything in between."},
            *(_object({word: _TEXT}, word) for word in ("prompt", "money", "digits", "number", "date", "name")),
        ]
    }
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _answers() -> dict[str, Any]:
    told = {
        "anyOf": [
            {"type": "string", "description": "An outcome of the operation."},
            _object(
                {
                    "outcome": {"type": "string"},
                    "reason": {"type": "string"},
                    "slow": _SPAN,
                    "empty": {"type": "boolean"},
                }
            ),
        ]
    }
    return {"type": "object", "properties": dict.fromkeys((*REGISTRY, "*"), told), "additionalProperties": False}


def _steps() -> list[dict[str, Any]]:
    party, within = {"as": _NAME}, {"within": _SPAN}
    call = _object(
        {
            "from": _NUMBER,
            "to": _NUMBER,
            "as": _NAME,
            "anonymous": {"type": ["boolean", "string"]},
            "attestation": {"enum": ["A", "B", "C"]},
            "trunk": _NAME,
        },
        "to",
    )
    parts = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
    receive = {"to": _NUMBER, "contains": parts, "capture": {"type": "object", "additionalProperties": _TEXT}}
    queue = {"anyOf": [_TRUE, _object({"queue": _NAME}, "queue")]}
    return [
        _object({"call": call, **party}, "call"),
        _object({"called": _object({"to": _NUMBER, "as": _NAME}, "to"), **party, **within}, "called"),
        _object({"hear": _heard(), "in": {"type": "string"}, **party, **within}, "hear"),
        _object({"press": {"anyOf": [{"type": ["string", "integer"]}, _PIN]}, **party}, "press"),
        _object({"silence": _SPAN, **party}, "silence"),
        _object({"speak": _SPAN, **party}, "speak"),
        _object({"hang_up": _TRUE, **party}, "hang_up"),
        _object({"ended": _TRUE, **party, **within}, "ended"),
        _object({"transferred": queue, **party, **within}, "transferred"),
        _object(
            {"text": _object({"from": _NUMBER, "to": _NUMBER, "body": {"anyOf": [_TEXT, _PIN]}}, "from", "to", "body")},
            "text",
        ),
        _object({"receive": _object(receive, "to"), **within}, "receive"),
        _object({"not_receive": _object({"to": _NUMBER, "contains": parts}), **within}, "not_receive"),
        _object({"wait": _SPAN}, "wait"),
        _object({"bank": _answers()}, "bank"),
    ]


def conversation_schema() -> dict[str, Any]:
    """Answer the schema."""
    bank = {"anyOf": [{"const": "down"}, _answers()]}
    people = {"enum": [word.value for word in Agents]}
    given = _object(
        {
            "at": {"type": "string", "description": "As 2026-03-02T10:15:00+08:00."},
            "bank": bank,
            "agents": {
                "description": "What the people of a queue do, or of all queues.",
                "anyOf": [people, {"type": "object", "additionalProperties": people}],
            },
            "notices": {
                "description": "Those that staff have switched on.",
                "anyOf": [_NAME, {"type": "array", "items": _NAME}],
            },
            "recorder": {"type": ["boolean", "string"], "description": "false: no message can be kept."},
        }
    )
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A conversation with a Tellerline server",
        **_object(
            {
                "conversation": {"type": "string", "description": "What it shows."},
                "flows": {"type": "string", "description": "Folder of its flows, as seen from this file."},
                "given": given,
                "steps": {"type": "array", "minItems": 1, "items": {"anyOf": _steps()}},
                "through": {"type": "array", "items": {"enum": ["engine", "fastagi", "asterisk"]}},
            },
            "conversation",
            "steps",
        ),
    }


def schema_text() -> str:
    """Answer the schema as the file holds it."""
    return json.dumps(conversation_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
