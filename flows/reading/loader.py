"""Reads a flow: syntax first, then shape, then the graph; it stops at the first level that fails.

So one slip never floods: a missing bracket is one error, not two hundred steps that are not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core_client.language.source import Source, read_source
from flows import graph
from flows.errors import FlowError, told_as
from flows.model import Flow
from flows.reading.files import Among, Beside, Shelf, gather, source_of
from flows.reading.reader import read_flow

Texts = Mapping[str, str]  # prompt id -> its texts in all languages, for the version's hash


def load_flow(path: Path, texts: Texts | None = None) -> Flow:
    """Read the flow in ``path``, and the files beside it that it includes.

    Args:
        texts: of the catalogue, so that a changed prompt makes a new version.

    Raises:
        FlowError: with the place and the mend; ``more`` holds further errors of the same level.
    """
    with told_as("syntax"):
        source = read_source(path, FlowError)
    return _load(source, Beside(path), texts)


def load_flow_text(text: str, name: str, texts: Texts | None = None) -> Flow:
    """Read a flow from text; ``name`` stands for the file in errors. Raises as :func:`load_flow` does."""
    return load_flow_files(name, {name: text}, texts)


def load_flow_files(main: str, files: Mapping[str, str], texts: Texts | None = None) -> Flow:
    """Read the flow in file ``main`` of ``files``, which holds all that it includes; nothing is read from disk.

    Raises as :func:`load_flow` does; KeyError when ``main`` is not among them.
    """
    with told_as("syntax"):
        source = source_of(files[main], main)
    return _load(source, Among(main, files), texts)


def _load(source: Source, shelf: Shelf, texts: Texts | None) -> Flow:
    with told_as("syntax"):
        files = gather(source, shelf)
    with told_as("shape"):
        flow = graph.nested(read_flow(files), source)
    graph.check(flow, source)
    return graph.completed(flow, texts or {})
