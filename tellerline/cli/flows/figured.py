"""Figures of a version as a table, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich.markup import escape
from rich.table import Table

from flows.figures import StepFigures, VersionFigures
from flows.model import Way
from tellerline.cli.telling import out

WARM, HOT = 0.05, 0.10  # shares of callers who hang up or are given up: from here on yellow, red
MOST_WAYS = 3  # that a row shows


class Sort(StrEnum):
    """What comes first."""

    VISITS = "visits"
    HANGUPS = "hangups"
    FAILED = "failed"
    TIME = "time"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Row:
    """A step and its figures."""

    step: str
    figures: StepFigures

    @property
    def ways(self) -> list[tuple[str, int]]:
        """The ways that were taken, the most taken first: ``key 2``, ``ok``, ``gives up``."""
        found = sorted(self.figures.ways.items(), key=lambda way: (-way[1], way[0]))
        return [(_called(*way), count) for way, count in found]


_WORDS = {Way.NEXT: "goes on", Way.FAILED: "gives up", Way.UNIVERSAL: "key", Way.NONE: "nothing to choose"}
_BY_WORD = (Way.OUTCOME, Way.CASE, Way.SHARE)


def _called(way: str, word: str) -> str:
    if way in _BY_WORD and word:
        return word
    return " ".join(filter(None, (_WORDS.get(Way(way), way) if way in tuple(Way) else way, word)))


def rows_of(figures: VersionFigures, sort: Sort) -> list[Row]:
    """Answer the steps that were visited, in the order asked for."""
    rows = [Row(name, step) for name, step in sorted(figures.steps.items()) if step.visits]
    orders = {
        Sort.VISITS: lambda row: -row.figures.visits,
        Sort.HANGUPS: lambda row: (-row.figures.hangups, -row.figures.hangup_share),
        Sort.FAILED: lambda row: (-row.figures.failed, -row.figures.failed_share),
        Sort.TIME: lambda row: -row.figures.average_s,
        Sort.NAME: lambda row: row.step,
    }
    return sorted(rows, key=orders[sort])


def tell_table(figures: VersionFigures, rows: Sequence[Row], days: int | None) -> None:
    """Print a table for people."""
    when = "" if days is None else f", the last {days} {'day' if days == 1 else 'days'}"
    if not rows:
        shown = f"version {figures.version}" if figures.version else "any version"
        out.print(f"nothing was counted of flow '{escape(figures.flow)}', {shown}{when}")
        return
    out.print(f"flow [bold]{escape(figures.flow)}[/], version [bold]{escape(figures.version)}[/]{when}")
    begun = ", ".join(f"{count:,} by {channel}" for channel, count in figures.begun.items())
    ended = sorted(figures.ended.items(), key=lambda end: -end[1])
    out.print(f"{figures.dialogues:,} dialogues ({begun}); ended: {_shares(ended, figures.dialogues)}")
    table = Table("step")
    for name in ("visits", "answers", "silence", "no match", "hung up", "given up", "average"):
        table.add_column(name, justify="right")
    table.add_column("ways taken most")
    table.columns[0].no_wrap = True
    for row in rows:
        found = row.figures
        table.add_row(
            escape(row.step),
            f"{found.visits:,}",
            f"{found.answers:,}",
            f"{found.no_input:,}" if found.no_input else "",
            f"{found.no_match:,}" if found.no_match else "",
            _share(found.hangups, found.hangup_share),
            _share(found.failed, found.failed_share),
            f"{found.average_s:.1f} s" if found.waits else "",
            escape(", ".join(f"{way} {count:,}" for way, count in row.ways[:MOST_WAYS])),
        )
    out.print(table)


def _share(count: int, share: float) -> str:
    if not count:
        return ""
    style = "red" if share >= HOT else "yellow" if share >= WARM else ""
    said = f"{count:,} ({share:.1%})"
    return f"[{style}]{said}[/]" if style else said


def _shares(ended: Sequence[tuple[str, int]], dialogues: int) -> str:
    shares = [(reason.replace("_", " "), count / dialogues) for reason, count in ended if dialogues]
    return (
        ", ".join(f"{reason} {share:.0%}" if share >= 0.005 else f"{reason} <1%" for reason, share in shares) or "none"
    )


def figures_as_data(figures: VersionFigures, rows: Sequence[Row]) -> dict[str, Any]:
    """Answer figures as plain data."""
    return {
        "flow": figures.flow,
        "version": figures.version,
        "dialogues": {"begun": dict(figures.begun), "ended": dict(figures.ended)},
        "steps": [{**_row(row), "ways": _ways(row), "ended": dict(row.figures.ended)} for row in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    found = row.figures
    return {
        "step": row.step,
        "visits": found.visits,
        "answers": found.answers,
        "no_input": found.no_input,
        "no_match": found.no_match,
        "hangups": found.hangups,
        "hangup_share": round(found.hangup_share, 4),
        "failed": found.failed,
        "failed_share": round(found.failed_share, 4),
        "average_s": round(found.average_s, 3),
        "left": found.left,
        "again": found.again,
        "standing": found.standing,
    }


def _ways(row: Row) -> list[dict[str, Any]]:
    found = sorted(row.figures.ways.items(), key=lambda way: (-way[1], way[0]))
    return [{"way": way, "word": word, "taken": count} for (way, word), count in found]


def as_csv(rows: Sequence[Row]) -> str:
    """Answer a table for spreadsheets."""
    written = io.StringIO()
    names = [*_row(Row("", StepFigures())), "ways"]
    sheet = csv.DictWriter(written, names, lineterminator="\n")
    sheet.writeheader()
    for row in rows:
        sheet.writerow({**_row(row), "ways": "; ".join(f"{way} {count}" for way, count in row.ways)})
    return written.getvalue()


def as_json(data: dict[str, Any]) -> str:
    """Answer data as JSON text."""
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
