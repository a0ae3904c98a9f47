"""The dialplan applications that ``EXEC`` runs on the test exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ivr.agi import Reply
from ivr.testing.channel import CHANNEL_UP, FakeChannel, Happening, Running

NO_SUCH_APPLICATION = -2
SEND_DTMF_S = 0.45  # one digit, as recorded

Application: TypeAlias = "Callable[[FakeChannel, list[str]], Reply | Running]"


def execute(channel: FakeChannel, arguments: tuple[str, ...]) -> Reply | Running:
    """Run one application; names are of any case, options separated by commas."""
    application = APPLICATIONS.get(arguments[0].lower())
    if application is None:
        return _result(NO_SUCH_APPLICATION)
    options = arguments[1] if len(arguments) > 1 else ""
    return application(channel, options.split(","))


def pause(channel: FakeChannel, seconds: float) -> Running:
    """Let time pass; keys are lost."""
    end = channel.now + seconds
    while True:
        happened = yield end
        if happened is Happening.DUE:
            return _result(0)
        if happened is Happening.HUNG_UP:
            return _result(-1)


def _result(number: int) -> Reply:
    return Reply(200, str(number))


def _nothing(channel: FakeChannel, options: list[str]) -> Reply:
    return _result(0)


def _answer(channel: FakeChannel, options: list[str]) -> Reply:
    channel.state = CHANNEL_UP
    return _result(0)


def _hang_up(channel: FakeChannel, options: list[str]) -> Reply:
    channel.soft_hang_up()
    return _result(-1)


def _wait(channel: FakeChannel, options: list[str]) -> Reply | Running:
    return _result(0) if channel.hung_up else pause(channel, float(options[0] or 0))


def _send_dtmf(channel: FakeChannel, options: list[str]) -> Reply | Running:
    return _result(0) if channel.hung_up else pause(channel, SEND_DTMF_S * len(options[0]))


def _set(channel: FakeChannel, options: list[str]) -> Reply:
    name, _, value = ",".join(options).partition("=")
    channel.variables[name] = value
    return _result(0)


def _user_event(channel: FakeChannel, options: list[str]) -> Reply:
    channel.user_events.append(",".join(options))
    return _result(0)


def _playback(channel: FakeChannel, options: list[str]) -> Reply | Running:
    return _result(0) if channel.hung_up else _play_all(channel, options[0].split("&"))


def _play_all(channel: FakeChannel, files: list[str]) -> Running:
    failed = False
    for file in files:
        played = yield from channel.play(file, "")
        if played.hung_up:
            return _result(-1)
        failed = failed or played.missing
    channel.variables["PLAYBACKSTATUS"] = "FAILED" if failed else "SUCCESS"
    return _result(0)


def _read(channel: FakeChannel, options: list[str]) -> Reply | Running:
    return _result(0) if channel.hung_up else _read_digits(channel, options)


def _read_digits(channel: FakeChannel, options: list[str]) -> Running:
    name, files, most, _, _, timeout = (*options[:6], *[""] * (6 - len(options)))
    limit, timeout_s = int(most or 255), float(timeout or 10)
    digits, key, status = "", "", "TIMEOUT"
    for file in filter(None, files.split("&")):
        played = yield from channel.play(file, "0123456789*#ABCD")
        if played.hung_up:
            channel.variables.update({name: "", "READSTATUS": "HANGUP"})
            return _result(-1)
        key = played.key
        if key:
            break
    while True:
        if key == "#":
            status = "OK"
            break
        digits += key
        if len(digits) >= limit:
            status = "OK"
            break
        happened = yield from channel.wait(timeout_s)
        if happened is Happening.HUNG_UP:
            channel.variables.update({name: digits, "READSTATUS": "HANGUP"})
            return _result(-1)
        if happened is Happening.DUE:
            break
        key = str(happened)
    channel.variables.update({name: digits, "READSTATUS": status})
    return _result(0)


APPLICATIONS: dict[str, Application] = {
    "answer": _answer,
    "hangup": _hang_up,
    "log": _nothing,
    "mixmonitor": _nothing,
    "musiconhold": _nothing,
    "noop": _nothing,
    "playback": _playback,
    "progress": _nothing,
    "read": _read,
    "ringing": _nothing,
    "senddtmf": _send_dtmf,
    "set": _set,
    "stopmixmonitor": _nothing,
    "userevent": _user_event,
    "verbose": _nothing,
    "wait": _wait,
}
