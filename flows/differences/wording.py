"""The words for one difference inside a step: by where it stands, what was there and what is there now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.differences.sides import Plain

MOST = 160  # characters of a text that are shown: a paragraph is recognised by its beginning

_GOES: Mapping[tuple[str, ...], str] = {
    ("next",): "now goes on to {now}",
    ("go",): "now goes on to {now}",
    ("yes",): "yes now goes to {now}",
    ("no",): "no now goes to {now}",
    ("none",): "with nothing to choose from it now goes to {now}",
    ("then",): "when the condition holds it now goes to {now}",
    ("else",): "otherwise it now goes to {now}",
    ("open",): "while open it now goes to {now}",
    ("closed",): "while closed it now goes to {now}",
    ("holiday",): "on holidays it now goes to {now}",
    ("call",): "now calls {now}",
    ("on_fail",): "after too many attempts it now goes to {now}",
}
_SAYS: Mapping[tuple[str, ...], str] = {
    ("menu",): "says",
    ("say",): "says",
    ("confirm",): "reads back",
    ("ask", "prompt"): "asks",
    ("choose", "prompt"): "asks",
    ("choose", "item"): "says of each item",
    ("record", "prompt"): "says",
    ("transfer", "prompt"): "says",
    ("no_input",): "after silence says",
    ("no_match",): "after a wrong answer says",
    ("wait", "prompt"): "while waiting says",
}
_VALUES: Mapping[tuple[str, ...], str] = {
    ("if",): "the condition is",
    ("switch",): "the cases are by",
    ("bank",): "asks the bank for",
    ("save",): "keeps the answer as",
    ("ask", "end"): "the answer is ended by",
    ("ask", "mask"): "people see only the end of the answer:",
    ("choose", "from"): "offers",
    ("choose", "as"): "calls each item",
    ("wait", "limit"): "waits for the bank at most",
    ("wait", "after"): "says that it takes time after",
    ("tries",): "attempts:",
    ("timeout",): "waits for the first key",
    ("digit_timeout",): "waits for the next key",
    ("barge_in",): "a key ends what is said:",
    ("hangup",): "hangs up:",
    ("channels",): "runs by",
    ("language",): "goes on in",
    ("schedule",): "goes by the schedule",
    ("notice",): "says the notices",
    ("split",): "the split is called",
    ("transfer", "queue"): "hands over to the queue",
    ("transfer", "context"): "tells the agent",
    ("transfer", "position"): "tells the place in the queue every",
    ("transfer", "callback_after"): "offers a call back after",
    ("record", "limit"): "records at most",
    ("record", "silence"): "ends a recording after silence of",
    ("record", "end"): "a recording is ended by",
}


def shown(value: Plain) -> str:
    """Answer a value as it would be written, shortened."""
    return _short(_flow_style(value)) if value not in ("", None, [], {}) else "nothing"


def quoted(text: str) -> str:
    """Answer a text in quotes, shortened."""
    return f"“{_short(' '.join(text.split()))}”"


def goes(words: str, was: str | None, now: str | None) -> str:
    """Answer that a way leads elsewhere, is new or is gone."""
    if now is None:
        return words.replace("now goes", "no longer goes").replace("now calls", "no longer calls").format(now=was)
    said = words.format(now=now)
    return said if was is None else f"{said} (was: {was})"


def changed(words: str, was: Plain, now: Plain) -> str:
    """Answer that a value is another one, is new or is gone."""
    if now is None:
        return f"{words} the default again (was: {shown(was)})"
    said = f"{words} {shown(now)}"
    return f"{said} (was: {shown(was)})" if was is not None else f"{said} (was: the default)"


def words_for(path: tuple[str, ...], was: Plain, now: Plain) -> str:
    """Answer what changed at ``path`` of a step; None stands for what is not there."""
    if (words := _GOES.get(path)) is not None:
        return goes(words, was, now)
    if (words := _SAYS.get(path)) is not None:
        return changed(f"now {words}", was, now)
    if (words := _VALUES.get(path)) is not None:
        return changed(_now(words), was, now)
    if path == ("ask", "digits") and was is not None and now is not None:
        return _digits(was, now)
    special = _SPECIAL.get(path[0]) if path[1:] else None
    return (special and special(path, was, now)) or changed(f"'{' '.join(path)}' is now", was, now)


def _now(words: str) -> str:
    verb, _, rest = words.partition(" ")
    if words.endswith(":"):
        return f"{words.removesuffix(':')} now:"
    for be in (" is", " are"):
        if be in f"{words} ":
            return words.replace(be, f"{be} now", 1)
    return f"now {verb} {rest}".rstrip()


def _choice(path: tuple[str, ...], was: Plain, now: Plain) -> str:
    key, inner = path[1], path[2:]
    if inner == ("go",):
        return goes(f"key {key} now goes to {{now}}", was, now)
    if inner == ("label",):
        return f"key {key} is now called {quoted(now or '')} (was: {quoted(was or '')})"
    if inner == ("language",):
        return changed(f"key {key} now goes on in", was, now)
    if now is None and isinstance(was, dict):
        return f"key {key} does nothing any more (went to {was.get('go')})"
    if was is None and isinstance(now, dict):
        return f"key {key} is new and goes to {now.get('go')}"
    return ""


def _outcome(path: tuple[str, ...], was: Plain, now: Plain) -> str:
    return goes(f"{path[1]} now goes to {{now}}", was, now)


def _case(path: tuple[str, ...], was: Plain, now: Plain) -> str:
    return goes(f"case {path[1]} now goes to {{now}}", was, now)


def _share(path: tuple[str, ...], was: Plain, now: Plain) -> str:
    name, inner = path[1], path[2:]
    if inner == ("go",):
        return goes(f"share {name} now goes to {{now}}", was, now)
    if inner == ("share",) and was is not None and now is not None:
        return f"share {name} is now {now} % (was: {was} %)"
    if now is None and isinstance(was, dict):
        return f"share {name} is gone (had {was.get('share')} %, went to {was.get('go')})"
    if was is None and isinstance(now, dict):
        return f"share {name} is new: {now.get('share')} % go to {now.get('go')}"
    return ""


def _given(path: tuple[str, ...], was: Plain, now: Plain) -> str:
    return _value("gives {name}: {value}", path, was, now)


def _set(path: tuple[str, ...], was: Plain, now: Plain) -> str:
    return _value("sets {name} to {value}", path, was, now)


def _value(words: str, path: tuple[str, ...], was: Plain, now: Plain) -> str:
    name = " ".join(path[1:])
    if now is None:
        return "no longer " + words.format(name=name, value=shown(was))
    said = "now " + words.format(name=name, value=shown(now))
    return said if was is None else f"{said} (was: {shown(was)})"


def _digits(was: str, now: str) -> str:
    low_was, high_was = _range(was)
    low, high = _range(now)
    if low == high or low_was == high_was:
        return f"{_many(low, high)} digits (was: {_many(low_was, high_was)})"
    told = []
    if low != low_was:
        told.append(f"at least {low} digits (was {low_was})")
    if high != high_was:
        told.append(f"at most {high} digits (was {high_was})")
    return ", ".join(told)


def _range(written: str) -> tuple[str, str]:
    low, _, high = written.partition("..")
    return low, high or low


def _many(low: str, high: str) -> str:
    return f"exactly {low}" if low == high else f"{low} to {high}"


_SPECIAL: Mapping[str, Callable[[tuple[str, ...], Any, Any], str]] = {
    "choices": _choice,
    "on": _outcome,
    "cases": _case,
    "shares": _share,
    "with": _given,
    "callback": _given,
    "set": _set,
}


def _flow_style(value: Plain) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow_style(found)}" for key, found in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow_style, value)) + "]"
    return str(value)


def _short(text: str) -> str:
    return text if len(text) <= MOST else f"{text[:MOST]}…"
