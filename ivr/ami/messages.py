"""What the exchange says on the manager interface, and what may be said to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ivr.errors import LocalProtocolError

MAX_VALUE_BYTES = 1000  # Asterisk reads at most 1,024 bytes of a header line (AMI: main/manager.c, struct mansession)
FieldValue: TypeAlias = "str | Sequence[str]"


@dataclass(frozen=True, slots=True, repr=False)
class AmiMessage(Mapping[str, str]):
    """One event or answer: a read-only mapping whose keys know no case. A key that comes twice answers its first.

    It prints its name only: values can be telephone numbers and names.
    """

    headers: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The event's name, or the empty text for an answer."""
        return self.get("Event", "")

    @property
    def succeeded(self) -> bool:
        """Whether an answer is no error."""
        return self.get("Response", "") in {"Success", "Goodbye", "Follows"}

    def all(self, key: str) -> tuple[str, ...]:
        """Answer every value of ``key``, in order."""
        wanted = key.lower()
        return tuple(value for name, value in self.headers if name.lower() == wanted)

    def __getitem__(self, key: str) -> str:
        wanted = key.lower()
        for name, value in self.headers:
            if name.lower() == wanted:
                return value
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self.headers))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.headers})

    def __repr__(self) -> str:
        return f"<AmiMessage {self.name or self.get('Response', '')}>"


def checked_fields(action: str, fields: Mapping[str, FieldValue]) -> dict[str, str | list[str]]:
    """Answer ``fields`` as they may go on the wire.

    Raises:
        LocalProtocolError: a name or value would end its line and begin another (a second action, in the words of
            whoever filled the value), or cannot be sent whole. The message names the field, never the value.
    """
    _check_name(action)
    checked: dict[str, str | list[str]] = {}
    for name, value in fields.items():
        _check_name(name)
        if name.lower() in {"action", "actionid"}:
            raise LocalProtocolError(f"{action}: the field '{name}' is the client's own")
        values = [value] if isinstance(value, str) else list(value)
        for text in values:
            _check_value(action, name, text)
        checked[name] = value if isinstance(value, str) else values
    return checked


def _check_name(name: str) -> None:
    if not (name and name.isascii() and all(letter.isalnum() or letter in "-_" for letter in name)):
        raise LocalProtocolError("a field's name has letters, digits, - and _ only")


def _check_value(action: str, name: str, value: str) -> None:
    if any(letter in value for letter in "\r\n\0"):
        raise LocalProtocolError(f"{action}: the value of '{name}' holds a line break or NUL")
    try:
        length = len(value.encode())
    except UnicodeEncodeError:
        raise LocalProtocolError(f"{action}: the value of '{name}' is not valid text") from None
    if length > MAX_VALUE_BYTES:
        raise LocalProtocolError(f"{action}: the value of '{name}' is longer than {MAX_VALUE_BYTES} bytes")
