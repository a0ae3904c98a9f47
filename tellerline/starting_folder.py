"""The folder that an operator starts from: a flow of their own with everything that is needed to change and try it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from flows.reading.schema import flow_schema, part_schema
from flows.reading.schema import written as schema_text
from flows.store import CONVERSATIONS, DEFINITIONS
from sounds.words import LANGUAGES
from tellerline.config import Config
from tellerline.errors import TellerlineError
from tellerline.publishing import SHIPPED_CONVERSATIONS

FLOW_SCHEMA, PART_SCHEMA, CONVERSATION_SCHEMA = "flow.schema.json", "part.schema.json", "conversation.schema.json"
SHARED = "shared"  # the folder of the files that the shipped flow includes
SETTINGS = "tellerline.toml"
# What may lie in a folder that is otherwise empty: it comes with a repository, and init writes over none of it.
MAY_BE_THERE = frozenset({".git", ".gitattributes", ".gitignore", ".editorconfig", "LICENSE", "README.md"})

_CATALOGUE = """\
# What your line says in {language}, over what comes with Tellerline: prompt id -> what is spoken, and what a text says.
# Put a prompt of your own in the place of {{}} below, or over one that exists (tellerline sounds say shows them all):
#
#   welcome: {{say: "{example}"}}
#   main_options: {{say: "…", keys: "123"}}   # keys: those that it announces; check compares them with the menu
#
# Then record it: tellerline sounds add my_recording.wav --as welcome --lang {lang}  (or: tellerline sounds build)
{{}}
"""
_NAMES = {"zh": ("Chinese", "欢迎致电我行。"), "en": ("English", "Welcome to our bank.")}

_IGNORED = """\
# Recordings that published versions still play; Tellerline keeps and sweeps them by itself.
sounds/audio/kept/
# A token is nobody else's.
*.token
"""

_README = """\
# Your call flows

This folder is what callers hear and what texts are answered with. Nothing in it reaches a caller until it is published.

| what | is |
|---|---|
| `{flow}` | the flow: steps, menus, what is asked, what is said |
| `conversations/` | calls and texts written down: what the line must do; none may fail when you publish |
| `sounds/catalogue/zh.yaml`, `en.yaml` | what prompts say, over those that come with Tellerline |
| `{settings}` | settings that name this folder; put the same lines into your server's |
| `*.schema.json`, `.vscode/` | for editors: they complete keys and underline what is wrong |
| `{record}` | which version your edits began from; keep it with the flow |

A change, from here to the callers, typed in this folder (elsewhere: with `-c` and the settings' path):

    tellerline check                        # what is wrong, with line and mend
    tellerline flows play                   # call your own flow in the terminal
    tellerline try conversations --through engine
    tellerline flows publish --by NAME --message "what is new, and why"
    tellerline flows approve latest --by SOMEBODY-ELSE

Back again: `tellerline flows rollback --by NAME --message "why"`. What happened: `tellerline flows log`.
People and their tokens: `tellerline people add NAME --role author`.
"""


class FolderError(TellerlineError):
    """No folder can be made there; the message says why and the mend."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made."""

    folder: Path
    flow: Path
    settings: Path
    files: tuple[Path, ...]  # relative to the folder, sorted


def make_folder(folder: Path, config: Config) -> Made:
    """Make a folder with the flow that comes with Tellerline and all that belongs to it.

    Args:
        folder: a new or an empty one; a repository without anything of ours will do.
        config: what is set already: where the server keeps its state goes into the new settings.

    Raises:
        FolderError: it is not empty, or cannot be written.
    """
    _refuse_what_is_there(folder)
    try:
        return _fill(folder, config)
    except OSError as error:
        raise FolderError(
            f"{error.filename or folder}: {error.strerror}\n  mend: Choose a folder that you may write to."
        ) from None


def _refuse_what_is_there(folder: Path) -> None:
    if folder.is_file():
        raise FolderError(f"{folder} is a file\n  mend: Name a folder.")
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    ours = [name for name in there if name not in MAY_BE_THERE]
    if ours:
        shown = ", ".join(ours[:3]) + (", …" if len(ours) > 3 else "")
        raise FolderError(f"{folder} is not empty ({shown})\n  mend: Name a new folder; nothing there was touched.")


def _fill(folder: Path, config: Config) -> Made:
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    flow = _copy_flow(folder)
    conversations = folder / CONVERSATIONS
    for file in sorted(SHIPPED_CONVERSATIONS.rglob("*.yaml")):
        target = conversations / file.relative_to(SHIPPED_CONVERSATIONS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    shutil.copyfile(SHIPPED_CONVERSATIONS / CONVERSATION_SCHEMA, folder / CONVERSATION_SCHEMA)
    _write(folder / FLOW_SCHEMA, schema_text(flow_schema()))
    _write(folder / PART_SCHEMA, schema_text(part_schema()))
    for lang in LANGUAGES:
        language, example = _NAMES.get(lang, (lang, "…"))
        text = _CATALOGUE.format(language=language, example=example, lang=lang)
        _write(folder / "sounds" / "catalogue" / f"{lang}.yaml", text)
    _write(folder / ".vscode" / "settings.json", json.dumps(editor_settings(), indent=2) + "\n")
    _write(folder / SETTINGS, _settings(folder, config))
    _write(folder / "README.md", _README.format(flow=flow.name, settings=SETTINGS, record=".tellerline.json"))
    _write(folder / ".gitignore", _IGNORED)
    files = sorted(
        path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts
    )
    return Made(folder, flow, folder / SETTINGS, tuple(files))


def _copy_flow(folder: Path) -> Path:
    """Copy the flow and the files that it includes; answer the flow's own file."""
    main: Path | None = None
    for file in sorted(DEFINITIONS.rglob("*.yaml")):
        target = folder / file.relative_to(DEFINITIONS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        if re.search(r"^flow:", file.read_text(encoding="utf-8"), re.MULTILINE):
            main = target
    if main is None:
        raise FolderError("there is no flow in this Tellerline\n  mend: Install it anew.")
    return main


def editor_settings() -> dict[str, object]:
    """The settings of editors that take Visual Studio Code's: which schema is for which file."""
    return {
        "yaml.schemas": {
            f"./{FLOW_SCHEMA}": ["/*.yaml"],
            f"./{PART_SCHEMA}": [f"/{SHARED}/**/*.yaml"],
            f"./{CONVERSATION_SCHEMA}": [f"/{CONVERSATIONS}/**/*.yaml"],
        },
        "yaml.format.enable": False,
        "files.encoding": "utf8",
        "files.eol": "\n",
    }


def _settings(folder: Path, config: Config) -> str:
    lines = [
        "# Settings that name this folder. Every other one: tellerline config reference.",
        "# On a machine whose server has settings of its own, put these two sections into those, and use them with -c.",
    ]
    if config.server != Config().server:
        lines += ["[server]", f"state_dir = {_toml(config.server.state_dir.resolve())}", ""]
    lines += ["[flows]", f"dir = {_toml(folder)}", ""]
    lines += ["[sounds]", f"dir = {_toml(folder / 'sounds')}"]
    return "\n".join(lines) + "\n"


def _toml(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)  # a TOML basic string escapes as JSON does


def _write(file: Path, text: str) -> None:
    if file.name in MAY_BE_THERE and file.exists():
        return  # it came with the repository
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
