"""Files of numbers to text: one a line, or a column of a CSV file. Every line that cannot be used is named."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sms.numbers import TON_UNKNOWN, e164, masked
from tellerline.errors import TellerlineError

MAX_BYTES = 64 * 1024 * 1024
MAX_RECIPIENTS = 1_000_000
COLUMNS = ("number", "msisdn", "phone", "mobile", "to")  # names of a column that has the numbers


class RecipientsError(TellerlineError):
    """A file that cannot be used at all."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that nobody can be texted by. What stands in it is not repeated whole: it may be a number."""

    line: int
    reason: str


@dataclass(slots=True)
class Recipients:
    """Who is to be texted, each once."""

    numbers: list[tuple[int, str]] = field(default_factory=list)  # line, E.164
    refused: list[Refused] = field(default_factory=list)


def read_recipients(file: Path, region: str) -> Recipients:
    """Read a file of numbers.

    Args:
        file: one number a line, or a CSV file (comma, semicolon or tab) with a header that names the column
            ``number``; empty lines and lines that begin with # are left out.
        region: country of numbers written without their code.

    Raises:
        RecipientsError: the file cannot be read, is far too large, or has no column of numbers.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecipientsError(f"{file}: {error.strerror}\n  mend: Name a file with one number a line.") from None
    if len(raw) > MAX_BYTES:
        raise RecipientsError(f"{file} is larger than {MAX_BYTES >> 20} MiB\n  mend: Cut it into several campaigns.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RecipientsError(f"{file} is not UTF-8 text\n  mend: Save it as UTF-8.") from None
    found = Recipients()
    seen: dict[str, int] = {}
    for line, cell in _cells(file, text):
        number = e164(cell, TON_UNKNOWN, region)
        if number is None:
            found.refused.append(Refused(line, f"'{_shown(cell)}' is no number that can be texted"))
        elif number in seen:
            found.refused.append(Refused(line, f"{masked(number)} is there already, in line {seen[number]}"))
        elif len(found.numbers) >= MAX_RECIPIENTS:
            raise RecipientsError(f"{file} has more than {MAX_RECIPIENTS} numbers\n  mend: Cut it into several.")
        else:
            seen[number] = line
            found.numbers.append((line, number))
    if not found.numbers and not found.refused:
        raise RecipientsError(f"{file} has no number in it\n  mend: Write one number a line, as +8613900000001.")
    return found


def _cells(file: Path, text: str) -> Iterator[tuple[int, str]]:
    """Answer line and cell of every number."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    delimiter = next((sign for sign in (",", ";", "\t") if sign in first), ",")
    rows = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    column: int | None = None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if column is None:
            named = next((index for index, cell in enumerate(cells) if cell.lower() in COLUMNS), None)
            column = named if named is not None else 0
            if named is not None:
                continue
            if len(cells) > 1:
                raise RecipientsError(
                    f"{file}: no column of numbers\n  mend: Name it in the first line: one of {', '.join(COLUMNS)}."
                )
        yield rows.line_num, cells[column] if column < len(cells) else ""


def _shown(cell: str) -> str:
    digits = sum(character.isdigit() for character in cell)
    return cell[:20] if digits < 7 else f"{cell[:3]}****"
