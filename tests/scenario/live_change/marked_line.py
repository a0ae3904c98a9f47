"""A line whose every version says its own number, at the beginning of a call and at its end.

Callers stand on a step that only versions of the same parity have, and texts wait in one: each publication deletes it
under them.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from flows.reading.loader import load_flow_text
from flows.releases.bundle import Bundle, bundle_of_flow
from flows.releases.register import Releases
from sounds.catalogue import Catalogue
from tellerline.config import Agi, Bank, Config, Flows, Health, Server, Sms

NAME = "line"
CATALOGUE = Catalogue.load()
_LINE = """\
flow: line
languages: [en]
start: main
defaults: {{on_fail: end, timeout: 60s}}
keys: {{"0": end}}
vars: {{payee: {{type: payee}}}}
sms:
  en: {{"BAL": end, "GO": ask_{stand}}}
steps:
  ask_{stand}: {{ask: {{prompt: enter_payee, digits: 1..9, end: "#"}}, save: payee, next: end}}
  main: {{menu: [{{number: {mark}}}, welcome], choices: {{"1": {stand}}}}}
  {stand}: {{menu: [welcome], choices: {{"2": end}}}}
  end: {{say: [{{number: {mark}}}, goodbye], hangup: true}}
"""


def text_of(mark: int) -> str:
    """Answer the flow of version ``mark``, 1 to 99."""
    return _LINE.format(mark=mark, stand="here" if mark % 2 else "there")


def version(mark: int) -> Bundle:
    """Answer version ``mark``."""
    flow = load_flow_text(text_of(mark), "line.yaml")
    return bundle_of_flow(replace(flow, file="line.yaml"), CATALOGUE)


def folder_of(mark: int, folder: Path) -> Path:
    """Write version ``mark`` as an operator's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "line.yaml").write_text(text_of(mark), encoding="utf-8")
    return folder


def settings(folder: Path, **sections: object) -> Config:
    """Answer the settings of a node that serves the line."""
    base: dict[str, object] = {
        "server": Server(state_dir=folder / "state", drain_s=5.0),
        "agi": Agi(port=0, flow=NAME, command_timeout_s=120),
        "sms": Sms(flow=NAME),
        "bank": Bank(demo=True),
        "flows": Flows(dir=folder_of(1, folder / "flows")),
        "health": Health(port=0),
    }
    return Config.model_validate({**base, **sections})


async def publish(releases: Releases, made: Bundle) -> None:
    """Make it live, over whatever is."""
    parent = await releases.live(NAME)
    at = datetime.datetime.now(datetime.UTC)
    await releases.propose(made, author="wang", message="m", parent=parent, needs_approval=False, at=at)
