"""The AGI commands of Asterisk 22, each answering as a real one was recorded to answer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ivr.agi import Reply
from ivr.testing.applications import execute, pause
from ivr.testing.channel import CHANNEL_UP, FakeChannel, Happening, Message, Played, Running, Verb
from ivr.testing.events import HeardFile
from ivr.testing.sounds import SAMPLE_RATE
from ivr.testing.variables import expand, read_variable

ANY_KEY = "0123456789*#ABCD"
DEFAULT_TIMEOUT_S = 6.0  # GET DATA and GET OPTION without a timeout
DEFAULT_MAX_DIGITS = 1024
MANY = 126
SPOOL = "/var/spool/asterisk"  # where this exchange lets messages be kept, whatever the machine under it has
WRITES = frozenset({"alaw", "gsm", "sln", "ulaw", "wav", "WAV"})  # the formats of messages
KEY_HEARD_S = 0.2  # of the end of a message, where the key that ended it may be heard


def _result(number: int, note: str | None = None, endpos: int | None = None) -> Reply:
    return Reply(200, str(number), note, endpos)


def _key_code(key: str) -> int:
    return ord(key) if key else 0


def _seconds(milliseconds: str) -> float | None:
    """Answer a timeout in seconds; below zero is for ever, and what is no number is zero, as C's atoi has it."""
    digits = milliseconds.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        return 0.0
    return None if milliseconds.startswith("-") else int(digits) / 1000


def _fixed(number: int, note: str | None, least: int) -> Verb:
    return Verb(lambda channel, arguments: _result(number, note), least, MANY)


def _answer(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply | Running:
    was_up, channel.state = channel.state == CHANNEL_UP, CHANNEL_UP
    if was_up or channel.media:
        return _result(0)
    return pause(channel, 0.5)  # Asterisk waits half a second for the caller's media


def _stream_file(channel: FakeChannel, arguments: tuple[str, ...]) -> Running:
    offset = int(arguments[2]) if len(arguments) > 2 and arguments[2].isdecimal() else 0
    played = yield from channel.play(arguments[0], arguments[1], offset)
    return _played(played)


def _played(played: Played) -> Reply:
    if played.missing or played.hung_up:
        return _result(-1, endpos=played.endpos)
    return _result(_key_code(played.key), endpos=played.endpos)


def _control_stream_file(channel: FakeChannel, arguments: tuple[str, ...]) -> Running:
    """Answer like STREAM FILE, but ``endpos`` is in milliseconds, -1 when it played to its end."""
    file, escapes, skip, forward, back, pause = (*arguments[:6], *("", "", "3000", "#", "*", "")[len(arguments) :])
    samples = channel.sounds.samples(file)
    if samples is None:
        return _result(-1, endpos=0)
    skip_s, length_s, position, paused = int(skip) / 1000, samples / SAMPLE_RATE, 0.0, False
    heard = HeardFile(channel.sounds.name(file), channel.now)
    channel.start_playing(heard)
    while True:
        began = channel.now
        happened = yield None if paused else began + (length_s - position)
        if not paused:
            position = min(length_s, position + channel.now - began)
        if happened is Happening.DUE:
            channel.stop_playing(heard, cut=False)
            return _result(0, endpos=-1)
        if happened is Happening.HUNG_UP or (str(happened) in escapes):
            channel.stop_playing(heard, cut=True)
            return _result(-1 if happened is Happening.HUNG_UP else ord(str(happened)), endpos=round(position * 1000))
        if happened == forward:
            position = min(length_s, position + skip_s)
        elif happened == back:
            position = max(0.0, position - skip_s)
        elif happened == pause:
            paused = not paused


def _wait_for_digit(channel: FakeChannel, arguments: tuple[str, ...]) -> Running:
    happened = yield from channel.wait(_seconds(arguments[0]))
    if happened is Happening.HUNG_UP:
        return _result(-1)
    return _result(0 if happened is Happening.DUE else ord(str(happened)))


def _get_option(channel: FakeChannel, arguments: tuple[str, ...]) -> Running:
    timeout_s = _seconds(arguments[2]) if len(arguments) > 2 else DEFAULT_TIMEOUT_S
    played = yield from channel.play(arguments[0], arguments[1])
    if played.key or played.hung_up or played.missing:
        return _played(played)
    end = None if timeout_s is None else channel.now + timeout_s
    while True:
        happened = yield end
        if happened is Happening.HUNG_UP:
            return _result(-1, endpos=played.endpos)
        if happened is Happening.DUE:
            return _result(0, endpos=played.endpos)
        if str(happened) in arguments[1]:
            return _result(ord(str(happened)), endpos=played.endpos)


def _get_data(channel: FakeChannel, arguments: tuple[str, ...]) -> Running:
    timeout_s = _seconds(arguments[1]) if len(arguments) > 1 else DEFAULT_TIMEOUT_S
    most = int(arguments[2]) if len(arguments) > 2 and arguments[2].isdecimal() else DEFAULT_MAX_DIGITS
    if channel.sounds.samples(arguments[0]) is None:
        return _result(-1)
    if timeout_s == 0:
        return Reply(200, "")
    played = yield from channel.play(arguments[0], ANY_KEY)
    if played.hung_up:
        return _result(-1)
    digits, key = "", played.key
    while True:
        if key == "#":
            return Reply(200, digits)
        digits += key
        if len(digits) >= most:
            return Reply(200, digits)
        happened = yield from channel.wait(timeout_s)
        if happened is Happening.HUNG_UP:
            return _result(-1)
        if happened is Happening.DUE:
            return Reply(200, digits, "timeout")
        key = str(happened)


def _record_file(channel: FakeChannel, arguments: tuple[str, ...]) -> Running:
    """Record what the caller says, as Asterisk does.

    A caller whose telephone sends sound can end it by a silence: all but a second of that silence is cut off, and the
    answer is the time that was left. A key cuts off the last fifth of a second, in which it may be heard.
    """
    file, kind, escapes, timeout, *options = arguments
    if any("=" not in option and not option.isdecimal() for option in options):
        played = yield from channel.play("beep", escapes)
        if played.key or played.hung_up or played.missing:
            return _result(ord(played.key) if played.key else -1, "randomerror", 0)
    if not _writable(file) or kind not in WRITES:
        return _result(-1, "writefile")
    channel.recording = True
    try:
        return (yield from _recorded(channel, file, escapes, _seconds(timeout), _silence_of(options)))
    finally:
        channel.recording = False


def _recorded(channel: FakeChannel, file: str, escapes: str, timeout_s: float | None, silence_s: float) -> Running:
    began, spoken_s, seen = channel.now, 0.0, channel.now
    end = None if timeout_s is None else began + timeout_s

    def close(number: int, note: str, cut_s: float) -> Reply:
        sounds = channel.media or channel.speaks_until > began
        samples = max(0, round((channel.now - began - cut_s) * SAMPLE_RATE)) if sounds else 0
        channel.messages.append(Message(channel.sounds.name(file), samples, round(spoken_s, 3)))
        return _result(number, note, samples)

    while True:
        quiet = max(began, channel.speaks_until) + silence_s if silence_s and channel.media else None
        due = min((moment for moment in (end, quiet) if moment is not None), default=None)
        happened = yield due
        spoken_s += max(0.0, min(channel.now, channel.speaks_until) - seen)
        seen = channel.now
        if happened is Happening.HUNG_UP:
            return close(-1, "hangup", 0.0)
        if happened is Happening.DUE:
            if due == quiet and due != end:
                left_s = 0.0 if end is None else end - channel.now
                return close(round(left_s * 1000), "timeout", silence_s - 1.0)
            return close(0, "timeout", 0.0)
        if happened is not Happening.SPOKE and str(happened) in escapes:
            return close(ord(str(happened)), "dtmf", KEY_HEARD_S)


def _writable(file: str) -> bool:
    folder = Path(file).parent
    return not folder.is_absolute() or folder.is_relative_to(SPOOL) or folder.is_dir()


def _silence_of(options: list[str]) -> float:
    found = next((option[2:] for option in options if option.startswith("s=")), "")
    return float(found) if found.isascii() and found.isdecimal() else 0.0


def _say(channel: FakeChannel, files: Iterable[str], escapes: str) -> Running:
    for file in files:
        played = yield from channel.play(file, escapes)
        if played.hung_up or played.key:
            return _result(-1 if played.hung_up else ord(played.key))
    return _result(0)


def _say_characters(folder: str) -> Verb:
    return Verb(lambda channel, words: _say(channel, [f"{folder}/{letter}" for letter in words[0]], words[1]), 2, 3)


def _say_phrase(name: str) -> Verb:
    return Verb(lambda channel, words: _say(channel, [f"phrase/{name}"], words[1]), 2, 4)


def _hang_up(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply:
    if arguments and arguments[0] != channel.variables.get("CHANNEL"):
        return _result(-1)
    channel.soft_hang_up()
    return _result(1)


def _channel_status(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply:
    if arguments and arguments[0] != channel.variables.get("CHANNEL"):
        return _result(-1)
    return _result(channel.state)


def _get_variable(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply:
    value = read_variable(channel, arguments[0])
    return _result(0) if value is None else _result(1, value)


def _get_full_variable(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply:
    return _result(1, expand(channel, arguments[0]))


def _set_variable(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply:
    channel.variables[arguments[0]] = arguments[1]
    return _result(1)


def _gosub(channel: FakeChannel, arguments: tuple[str, ...]) -> Running:
    """Run the dialplan's subroutine that hands the caller to people; any other returns at once."""
    channel.say_trying()
    queue = channel.variables.get("TELLERLINE_QUEUE", "")
    if arguments[0] == "tellerline-agent":
        channel.variables["TELLERLINE_TRANSFER"] = "closed"
        outcome, seconds = channel.agents(queue) if queue else ("closed", 0.0)
        limit = channel.variables.get("TELLERLINE_LIMIT", "")
        if outcome == "timeout" and limit.isdecimal():
            seconds = float(limit)  # nobody answers: the caller waits as long as the flow lets him
        if outcome == "answered":
            channel.transfer(queue)
        if seconds:
            yield from pause(channel, seconds)
        channel.variables["TELLERLINE_TRANSFER"] = outcome
    return Reply(200, "0", text="Gosub complete")


def _database_get(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply:
    value = channel.database.get((arguments[0], arguments[1]))
    return _result(0) if value is None else _result(1, value)


def _database_put(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply:
    channel.database[arguments[0], arguments[1]] = arguments[2]
    return _result(1)


def _database_del(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply:
    return _result(0 if channel.database.pop((arguments[0], arguments[1]), None) is None else 1)


def _database_deltree(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply:
    start = arguments[1] if len(arguments) > 1 else ""
    found = [key for key in channel.database if key[0] == arguments[0] and key[1].startswith(start)]
    for key in found:
        del channel.database[key]
    return _result(1 if found else 0)


VERBS: dict[tuple[str, ...], Verb] = {
    ("ANSWER",): Verb(_answer, 0, 0),
    ("CHANNEL", "STATUS"): Verb(_channel_status, 0, 1),
    ("CONTROL", "STREAM", "FILE"): Verb(_control_stream_file, 2, 7),
    ("DATABASE", "DEL"): Verb(_database_del, 2, 2, dead=True),
    ("DATABASE", "DELTREE"): Verb(_database_deltree, 1, 2, dead=True),
    ("DATABASE", "GET"): Verb(_database_get, 2, 2, dead=True),
    ("DATABASE", "PUT"): Verb(_database_put, 3, 3, dead=True),
    ("EXEC",): Verb(execute, 1, MANY, dead=True),
    ("GET", "DATA"): Verb(_get_data, 1, 3),
    ("GET", "FULL", "VARIABLE"): Verb(_get_full_variable, 1, 2, dead=True),
    ("GET", "OPTION"): Verb(_get_option, 2, 3),
    ("GET", "VARIABLE"): Verb(_get_variable, 1, 1, dead=True),
    ("GOSUB",): Verb(_gosub, 3, 4),
    ("HANGUP",): Verb(_hang_up, 0, 1),
    ("NOOP",): Verb(lambda channel, arguments: _result(0), 0, MANY, dead=True),
    ("RECEIVE", "CHAR"): _fixed(-1, "hangup", 1),
    ("RECEIVE", "TEXT"): _fixed(-1, None, 1),
    ("RECORD", "FILE"): Verb(_record_file, 4, 7),
    ("SAY", "ALPHA"): _say_characters("letters"),
    ("SAY", "DATE"): _say_phrase("date"),
    ("SAY", "DATETIME"): _say_phrase("datetime"),
    ("SAY", "DIGITS"): _say_characters("digits"),
    ("SAY", "NUMBER"): _say_characters("digits"),
    ("SAY", "PHONETIC"): _say_characters("phonetic"),
    ("SAY", "TIME"): _say_phrase("time"),
    ("SEND", "IMAGE"): _fixed(0, None, 1),
    ("SEND", "TEXT"): _fixed(0, None, 1),
    ("SET", "AUTOHANGUP"): _fixed(0, None, 1),
    ("SET", "CALLERID"): _fixed(1, None, 1),
    ("SET", "CONTEXT"): _fixed(0, None, 1),
    ("SET", "EXTENSION"): _fixed(0, None, 1),
    ("SET", "MUSIC"): _fixed(0, None, 1),
    ("SET", "PRIORITY"): _fixed(0, None, 1),
    ("SET", "VARIABLE"): Verb(_set_variable, 2, 2, dead=True),
    ("SPEECH", "CREATE"): _fixed(0, None, 1),
    ("STREAM", "FILE"): Verb(_stream_file, 2, 3),
    ("TDD", "MODE"): _fixed(0, None, 1),
    ("VERBOSE",): Verb(lambda channel, arguments: _result(1), 1, MANY, dead=True),
    ("WAIT", "FOR", "DIGIT"): Verb(_wait_for_digit, 1, 1),
}
