"""Compares two versions, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core_client.operations import REGISTRY, Kind
from flows.differences.change import CHANGED, GONE, NEW, PROMPT, RENAMED, STEP, Change, summary_of
from flows.differences.renaming import renamed, ways_of, with_names
from flows.differences.sides import Plain, Side, kind_in, side_of
from flows.differences.wording import changed, goes, quoted, shown, words_for
from flows.model import RETURN
from flows.releases.bundle import Bundle

_TOP_WORDS = {
    "flow": "the flow is now called",
    "languages": "the flow now speaks",
    "start": "the flow now starts at",
    "currency": "amounts are now in",
    "country": "telephone numbers are now of",
    "time_zone": "the time zone is now",
    "fallback": "the languages that step in are now",
    "include": "the included files are now",
}
_TEXT_WORDS = {"say": "now says", "sms": "now says by text", "keys": "now announces the keys"}
_WHOLE = ("no_input", "no_match", "prompt", "item", "notice", "channels", "context")  # one value, however it is written


def differences(a: Bundle, b: Bundle) -> tuple[Change, ...]:
    """Answer what is otherwise in ``b`` than in ``a``: nothing when both do the same.

    How a file is written (order, comments, one prompt or a list of one) is no difference. What a version sounds like
    is one.

    Raises:
        LanguageError: one of them is no YAML.
    """
    before, after = side_of(a), side_of(b)
    names = renamed(before, after)
    before = with_names(before, names)
    return (
        *_top(before, after),
        *_sections(before, after),
        *_moved(before, after),
        *_renamed_steps(after, names),
        *_steps(before, after),
        *_prompts(before, after),
        *_audio(before, after),
    )


def summary(a: Bundle, b: Bundle) -> str:
    """Answer what is otherwise in ``b``, in one line."""
    return summary_of(differences(a, b))


# --- the top of the flow ---


def _top(a: Side, b: Side) -> Iterator[Change]:
    for name, words in _TOP_WORDS.items():
        was, now = a.top.get(name), b.top.get(name)
        if was != now:
            told = f"{words} {shown(now)} (was: {shown(was)})"
            yield Change("flow", "", told, path=(name,), was=was, now=now)
    for file in dict.fromkeys((*a.defaults, *b.defaults)):
        of = f"defaults of {file}" if file else "defaults"
        for path, was, now in _leaves(a.defaults.get(file, {}), b.defaults.get(file, {})):
            yield Change("defaults", file, f"{of}: {words_for(path, was, now)}", path=path, was=was, now=now)
    for key in dict.fromkeys((*a.keys, *b.keys)):
        before, after = a.keys.get(key), b.keys.get(key)
        if before != after:
            words = f"everywhere key {key} {_leads(before, after)}"
            yield Change("key", key, words, path=("keys", key), was=before, now=after)
    yield from _commands(a, b)


def _leads(was: str | None, now: str | None) -> str:
    if now is None:
        return f"does nothing any more (was: {was})"
    return f"now means {now} (was: {was or 'nothing'})"


def _commands(a: Side, b: Side) -> Iterator[Change]:
    for language in dict.fromkeys((*a.sms, *b.sms)):
        before, after = a.sms.get(language, {}), b.sms.get(language, {})
        for text in dict.fromkeys((*before, *after)):
            was, now = before.get(text), after.get(text)
            if was == now:
                continue
            name = f"{text} ({language})"
            if now is None:
                words = f"command {name} is gone (started {was})"
            elif was is None:
                words = f"command {name} is new and starts {now}"
            else:
                words = f"command {name} now starts {now} (was: {was})"
            yield Change("command", name, words, _what(was, now), path=("sms", language, text), was=was, now=now)


def _sections(a: Side, b: Side) -> Iterator[Change]:
    for section, area in (("gates", "gate"), ("vars", "variable"), ("schedules", "schedule"), ("notices", "notice")):
        before, after = a.sections[section], b.sections[section]
        for name in dict.fromkeys((*before, *after)):
            was, now = before.get(name), after.get(name)
            if was is None or now is None:
                told = f"{area} {name} is {'new' if was is None else 'gone'}: {shown(now or was)}"
                yield Change(area, name, told, _what(was, now), area == "gate", (section, name), was, now)
            else:
                yield from _inside(area, name, was, now)


def _inside(area: str, name: str, was: Plain, now: Plain) -> Iterator[Change]:
    if area == "notice":
        if was != now:
            yield Change(area, name, f"notice {name} now says {shown(now)} (was: {shown(was)})", was=was, now=now)
        return
    for path, before, after in _leaves(was, now):
        words = f"{area} {name}: {_section_words(area, path, before, after)}"
        security = area == "gate" or (area == "variable" and (path == ("check",) or before == "secret"))
        yield Change(area, name, words, CHANGED, security, path, before, after)


def _section_words(area: str, path: tuple[str, ...], was: Plain, now: Plain) -> str:
    if area == "gate" and path == ("voice",):
        return goes("by voice it now goes to {now}", was, now)
    if area == "gate" and path == ("sms",):
        return changed("by text it is now proved", was, now)
    if path == ("check",):
        return f"is no longer checked (was: {shown(was)})" if now is None else changed("the check is now", was, now)
    if isinstance(was, list) and isinstance(now, list):
        added, gone = [each for each in now if each not in was], [each for each in was if each not in now]
        told = [f"{' '.join(path)} now with {shown(added)}"] if added else []
        told += [f"{' '.join(path)} now without {shown(gone)}"] if gone else []
        return ", ".join(told) or changed(f"{' '.join(path)} is now", was, now)
    if now is None:
        return f"{' '.join(path)} is gone (was: {shown(was)})"
    said = f"{' '.join(path)} is now {shown(now)}"
    return f"{said} (was: {shown(was)})" if was is not None else said


def _moved(a: Side, b: Side) -> Iterator[Change]:
    """Answer what stands in another file now: a file's steps take that file's defaults."""
    moves: dict[tuple[str, str], dict[str, list[str]]] = {}
    for section, there in b.sections.items():
        for name in there:
            was, now = a.origin.get((section, name), ""), b.origin.get((section, name), "")
            if name in a.sections[section] and was != now:
                moves.setdefault((was, now), {}).setdefault(section, []).append(name)
    for (was, now), found in moves.items():
        names = "; ".join(f"{section} {', '.join(names)}" for section, names in found.items())
        told = f"{now or 'the main file'} now has what was in {was or 'the main file'}: {names}"
        yield Change("file", now, told, path=("file",), was=was, now=now)


# --- steps ---


def _renamed_steps(b: Side, names: Mapping[str, str]) -> Iterator[Change]:
    for old, new in names.items():
        told = f"{kind_in(b.steps[new])} {new}: is a new name (was: {old})"
        yield Change(STEP, new, told, RENAMED, path=("name",), was=old, now=new)


def _steps(a: Side, b: Side) -> Iterator[Change]:
    for name in _in_order(list(a.steps), list(b.steps)):
        was, now = a.steps.get(name), b.steps.get(name)
        if now is None:
            yield Change(STEP, name, f"step {name} removed (was: a {kind_in(was)})", GONE, was=was)
        elif was is None:
            money = _moves_money(now)
            told = f"step {name} is new: a {kind_in(now)}{_leading(now)}{' that moves money' if money else ''}"
            yield Change(STEP, name, told, NEW, money, now=now)
        else:
            yield from _step(name, was, now)


def _in_order(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Answer all names: those of ``after`` in their order, those that are gone behind what they stood behind."""
    followers: dict[str, list[str]] = {}
    last, there = "", set(after)
    for name in before:
        if name in there:
            last = name
        else:
            followers.setdefault(last, []).append(name)
    yield from followers.get("", ())
    for name in after:
        yield name
        yield from followers.get(name, ())


def _step(name: str, was: Plain, now: Plain) -> Iterator[Change]:
    kind = kind_in(now)
    yield from _needs(name, was.get("needs", {}), now.get("needs", {}))
    if kind_in(was) != kind:
        told = f"step {name} is now a {kind}{_leading(now)} (was: a {kind_in(was)})"
        yield Change(STEP, name, told, CHANGED, _moves_money(now), (), was, now)
        return
    rest_was = {key: value for key, value in was.items() if key != "needs"}
    rest_now = {key: value for key, value in now.items() if key != "needs"}
    for path, before, after in _leaves(rest_was, rest_now):
        words = f"{kind} {name}: {words_for(path, before, after)}"
        yield Change(STEP, name, words, CHANGED, _is_security(path, after, now), path, before, after)


def _needs(name: str, was: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> Iterator[Change]:
    gates = dict.fromkeys(gate for needed in (*was.values(), *now.values()) for gate in needed)
    told = False
    for gate in gates:
        before = [channel for channel, needed in was.items() if gate in needed]
        after = [channel for channel, needed in now.items() if gate in needed]
        gone = [channel for channel in before if channel not in after]
        came = [channel for channel in after if channel not in before]
        path = ("needs", gate)
        if gone:
            words = f"gate {gate} is no longer needed by {name}{_by(gone, before)}"
            yield Change(STEP, name, words, CHANGED, True, path, before, after)
        if came:
            words = f"gate {gate} is now needed by {name}{_by(came, after)}"
            yield Change(STEP, name, words, CHANGED, False, path, before, after)
        told = told or bool(gone or came)
    if not told and _ordered(was) != _ordered(now):
        words = f"step {name}: the gates are now passed in another order: {shown(now)} (was: {shown(was)})"
        yield Change(STEP, name, words, CHANGED, False, ("needs",), was, now)


def _ordered(needs: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {channel: gates for channel, gates in sorted(needs.items()) if gates}


def _by(channels: list[str], of: list[str]) -> str:
    others = [channel for channel in of if channel not in channels]
    if not others:
        return "" if len(channels) > 1 else f" by {channels[0]}"
    return f" by {channels[0]} (but by {others[0]})"


def _is_security(path: tuple[str, ...], now: Plain, step: Plain) -> bool:
    if path == ("bank",) or (path[:1] == ("with",) and _moves_money(step)):
        return _moves_money(step)
    return bool(now == RETURN)  # a way on through a gate: what passes it is the proof


def _moves_money(step: Plain) -> bool:
    operation = REGISTRY.get(str(step.get("bank")))
    return operation is not None and operation.kind is Kind.MONEY


def _leading(step: Plain) -> str:
    targets = list(dict.fromkeys(target for _, target in ways_of(step)))
    return f", leading to {', '.join(targets)}" if targets else ""


def _leaves(was: Plain, now: Plain, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Plain, Plain]]:
    """Answer where two values differ: mappings are gone into, all else is one value."""
    if was == now:
        return
    if isinstance(was, dict) and isinstance(now, dict) and (not path or path[-1] not in _WHOLE):
        for key in dict.fromkeys((*was, *now)):
            yield from _leaves(was.get(key), now.get(key), (*path, key))
    elif len(path) == 1 and path[0] in ("wait", "with", "on", "cases", "set") and None in (was, now):
        yield from _leaves(was or {}, now or {}, path)
    else:
        yield path, was, now


# --- what is said ---


def _prompts(a: Side, b: Side) -> Iterator[Change]:
    for language in dict.fromkeys((*a.texts, *b.texts)):
        before, after = a.texts.get(language, {}), b.texts.get(language, {})
        for prompt in sorted({*before, *after}):
            was, now = before.get(prompt), after.get(prompt)
            name = f"{prompt} ({language})"
            if was is None or now is None:
                said = quoted((now or was or {}).get("say", ""))
                words = f"prompt {name} is {'said now' if was is None else 'no longer said'}: {said}"
                yield Change(PROMPT, name, words, _what(was, now), was=was, now=now)
                continue
            for part, verb in _TEXT_WORDS.items():
                old, new = was.get(part) or "", now.get(part) or ""
                if old != new and not (part == "sms" and (old, new) == (was.get("say"), now.get("say"))):
                    words = f"prompt {name} {verb} {quoted(new)} (was: {quoted(old)})"
                    yield Change(PROMPT, name, words, path=(language, part), was=old, now=new)


def _audio(a: Side, b: Side) -> Iterator[Change]:
    for name in sorted({*a.audio, *b.audio}):
        was, now = a.audio.get(name), b.audio.get(name)
        if was != now:
            state = "new" if was is None else "gone" if now is None else "another one"
            yield Change("recording", name, f"recording {name} is {state}", _what(was, now), was=was, now=now)
    for language in sorted({*a.fragments, *b.fragments}):
        if a.fragments.get(language) != b.fragments.get(language):
            yield Change("recording", language, f"the recordings of numbers, digits and dates ({language}) are others")


def _what(was: object, now: object) -> str:
    return NEW if was is None else GONE if now is None else CHANGED
