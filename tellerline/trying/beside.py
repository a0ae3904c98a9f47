"""Where conversations and flows lie beside each other: an operator's folder has its conversations below its flows."""

from __future__ import annotations

from pathlib import Path

from core_client.language.errors import LanguageError
from core_client.language.source import Pairs, parse, read_source
from flows.store import CONVERSATIONS as BESIDE
from flows.store import flow_files
from tellerline.config import Config

SHIPPED = Path(__file__).parents[1] / "conversations"


def conversations_of(config: Config, folder: Path | None = None) -> list[Path]:
    """Answer the conversation files of ``folder``; without one those below the settings' flows, else the shipped."""
    if folder is None and config.flows.dir is not None:
        folder = config.flows.dir / BESIDE
    found = sorted((folder or SHIPPED).rglob("*.yaml"))
    return [file for file in found if is_conversation(file)]


def is_conversation(file: Path) -> bool:
    """Answer whether ``file`` is meant to be one; what is no YAML is, so that loading it says what is wrong."""
    try:
        root = parse(read_source(file))
    except LanguageError:
        return True
    return isinstance(root, Pairs) and "conversation" in root.entries


def with_flows_beside(config: Config, conversation: Path) -> Config:
    """Answer the settings to play ``conversation`` with: on the flows that it lies beside, where settings name none.

    ``DIR/conversations/x.yaml`` lies beside the flows of ``DIR``, at any depth below ``conversations``.
    """
    if config.flows.dir is not None:
        return config
    for folder in conversation.resolve().parents:
        if folder.name == BESIDE and flow_files(folder.parent):
            return config.model_copy(update={"flows": config.flows.model_copy(update={"dir": folder.parent})})
    return config
