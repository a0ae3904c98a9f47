"""Where conversations and flows lie beside each other: an operator's folder has its conversations below its flows."""

from __future__ import annotations

from pathlib import Path

from core_client.language.errors import LanguageError
from core_client.language.source import Pairs, Scalar, parse, read_source
from flows.store import CONVERSATIONS as BESIDE
from flows.store import flow_files
from tellerline.config import Config
from tellerline.errors import ConfigError
from tellerline.trying.conversation import Conversation

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


def with_folder(config: Config, folder: Path | None) -> Config:
    """Answer the settings with the flows of ``folder``; of None, as they are.

    Where the folder holds one flow only, calls and texts begin in that one, whatever its name.

    Raises:
        ConfigError: there is no such folder.
    """
    if folder is None:
        return config
    if not folder.is_dir():
        raise ConfigError("flows.dir", f"there is no folder '{folder}'", "Name the folder that holds the flow files.")
    names = _names(folder)
    changed: dict[str, object] = {"flows": config.flows.model_copy(update={"dir": folder})}
    if len(names) == 1 and config.agi.flow not in names:
        changed |= {
            "agi": config.agi.model_copy(update={"flow": names[0]}),
            "sms": config.sms.model_copy(update={"flow": names[0]}),
        }
    return config.model_copy(update=changed)


def _names(folder: Path) -> list[str]:
    names = []
    for file in flow_files(folder):
        try:
            root = parse(read_source(file))
        except LanguageError:
            continue  # loading it says what is wrong
        name = root.get("flow") if isinstance(root, Pairs) else None
        if isinstance(name, Scalar):
            names.append(name.text)
    return names


def with_flows_of(config: Config, conversation: Conversation) -> Config:
    """Answer the settings to play ``conversation`` with: on its own flows, where the settings name none.

    Its own are those that it names (``flows: ../mine``), or those that it lies beside: ``DIR/conversations/x.yaml``
    lies beside the flows of ``DIR``, at any depth below ``conversations``.
    """
    if config.flows.dir is not None:
        return config
    file = Path(conversation.file).resolve()
    if conversation.flows is not None:
        return with_folder(config, file.parent / conversation.flows)
    for folder in file.parents:
        if folder.name == BESIDE and flow_files(folder.parent):
            return with_folder(config, folder.parent)
    return config
