"""Writes results as JUnit XML, which every CI server reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

from tellerline.trying.play import Result

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(results: Sequence[Result], path: Path) -> None:
    """Write one test case a conversation: its wire, file, seconds, transcript, and its mismatch if any."""
    failed = sum(not result.passed for result in results)
    took_s = sum(result.took_s for result in results)
    counts = {"tests": str(len(results)), "failures": str(failed), "errors": "0", "time": f"{took_s:.3f}"}
    root = Xml.Element("testsuites", counts)
    suite = Xml.SubElement(root, "testsuite", {"name": "tellerline try", **counts})
    for result in results:
        case = Xml.SubElement(
            suite,
            "testcase",
            {
                "name": result.conversation.name,
                "classname": f"tellerline.{result.through}",
                "file": result.conversation.file,
                "time": f"{result.took_s:.3f}",
            },
        )
        if result.mismatch is not None:
            failure = Xml.SubElement(case, "failure", {"message": _clean(result.mismatch.expected), "type": "mismatch"})
            failure.text = _clean(str(result.mismatch))
        Xml.SubElement(case, "system-out").text = _clean(result.transcript.plain())
    Xml.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    Xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
