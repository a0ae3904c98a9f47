"""The tutorials, done as they are written, by a machine that knows nothing else.

``TELLERLINE_WRITE_PAGE=1`` writes what is printed into the page instead of comparing it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.scenario.tutorial.page import Command, agrees, blocks, edit

DOCS = Path(__file__).resolve().parents[3] / "docs"
WRITE = os.environ.get("TELLERLINE_WRITE_PAGE") == "1"
PIN = "917463"
WITHIN_S = 180


@contextmanager
def second_terminal(line: str, folder: Path, environment: dict[str, str], log: Path) -> Iterator[None]:
    """Run ``line`` until the page is done; it is up when its log says so."""
    with log.open("w") as out:
        process = subprocess.Popen(line.split(), cwd=folder, env=environment, stdout=out, stderr=out)
    try:
        until = time.monotonic() + WITHIN_S
        while "node.started" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, "the server does not come up"
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(60)


def run(command: Command, folder: Path, environment: dict[str, str]) -> list[str]:
    """Run one command; answer the lines that it printed, without the paths that are this machine's."""
    typed = "".join(f"{PIN if line == '******' else line}\n" for line in command.typed)
    answer = subprocess.run(
        ["bash", "-c", command.line],
        cwd=folder,
        env=environment,
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    shown = answer.stdout
    for here in (environment["HOME"].removesuffix("home"), f"{DOCS.parent}/"):
        shown = shown.replace(here, "")
    return [line.rstrip() for line in shown.splitlines()]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "LANG": "C.UTF-8",
        "TELLERLINE_HEALTH_PORT": "0",
        "TELLERLINE_AGI_PORT": str(_free_port()),
    }


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["tutorial.md", "flows/tutorial.md"])
def test_the_page_does_what_it_says(name: str, tmp_path: Path, environment: dict[str, str]) -> None:
    page = DOCS / name
    folder = tmp_path
    written = page.read_text(encoding="utf-8")
    shift = 0
    wrong: list[str] = []
    servers: list[str] = []
    with ExitStack() as stack:
        for block in blocks(page):
            match block.kind:
                case "diff":
                    edit(folder / block.file, block.text)
                case "toml" | "yaml":
                    with (folder / block.file).open("a") as file:
                        file.write(f"\n{block.text}" if file.tell() else block.text)
                case "console second":
                    line = block.commands()[0].line
                    stack.enter_context(second_terminal(line, folder, environment, tmp_path / "second.log"))
                    servers.append(line)
                case _:
                    lines: list[str] = []
                    for command in block.commands():
                        if command.line.startswith("cd "):
                            folder = folder / command.line[3:]
                            printed: list[str] = []
                        else:
                            printed = run(command, folder, environment)
                        if agrees(command.printed, printed):
                            printed = command.printed  # with its times, and what it leaves out
                        else:
                            said = "\n".join(command.printed)
                            shown = "\n".join(printed)
                            wrong.append(f"$ {command.line}\nthe page says:\n{said}\nit printed:\n{shown}\n")
                        lines += [f"$ {command.line}", *printed]
                    text = "\n".join(lines) + "\n"
                    written = written[: block.start + shift] + text + written[block.end + shift :]
                    shift += len(text) - len(block.text)
    if WRITE:
        page.write_text(written, encoding="utf-8")
        return
    assert servers
    assert wrong == []
