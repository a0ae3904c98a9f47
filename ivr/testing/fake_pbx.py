"""The test telephone exchange: dials a FastAGI server over TCP as Asterisk 22 does, and is pleasant to write tests on.

    async with FakePbx(SoundLibrary(root), speed=LEAP) as pbx:
        call = await pbx.dial("127.0.0.1", port, caller="+8613900000001", called="95500")
        await call.hear("zh/welcome")
        await call.press("1")
        assert (await call.wait_ended()).completed

Time on a call is the exchange's. ``speed`` is how much faster than the wall clock it runs: 1 for a person at the
terminal phone. At :data:`LEAP` it leaps from one event to the next, and only while a method of the call is
awaited: a test that thinks for long loses nothing, and a minute of silence takes no time. While the server thinks
(no command runs), time passes as on the wall.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from ivr.testing.call import FakeCall
from ivr.testing.events import CallEvent
from ivr.testing.sounds import SoundLibrary

LEAP = math.inf
ACCEPT_TIMEOUT_S = 2.0  # Asterisk gives a FastAGI server two seconds to accept
TALK_S = 10.0  # how long an agent speaks with the caller
VERSION = "22.10.1"


class FakePbx:
    """Places calls.

    Args:
        sounds: what plays how long; without one, every recording lasts a second.
        speed: seconds of a call in one second of the wall clock, or :data:`LEAP`.
        observer: told everything that happens on every call, with the call.
        agents: what the dialplan's queues do: ``(outcome, seconds)`` by queue name, the outcome being ``answered``,
            ``closed``, ``failed`` or ``timeout``; ``*`` is every other queue. Who is not named answers and
            talks ten seconds.
        patience_s: wall-clock seconds after which a server that says nothing fails a test.
    """

    def __init__(
        self,
        sounds: SoundLibrary | None = None,
        *,
        speed: float = LEAP,
        observer: Callable[[FakeCall, CallEvent], None] | None = None,
        agents: Mapping[str, tuple[str, float]] | None = None,
        patience_s: float = 20.0,
    ) -> None:
        self.sounds = sounds or SoundLibrary(unknown_s=1.0)
        self.calls: list[FakeCall] = []
        self._speed = speed
        self._observer = observer
        self._agents = dict(agents or {})
        self._patience_s = patience_s
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang every call up and drop its connection."""
        for call in self.calls:
            await call.close()

    async def dial(
        self,
        host: str,
        port: int,
        *,
        caller: str | None = "+8613900000001",
        called: str = "95500",
        caller_name: str | None = None,
        script: str | None = "tellerline",
        arguments: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        media: bool = True,
        answered: bool = True,
        observer: Callable[[CallEvent], None] | None = None,
    ) -> FakeCall:
        """Place a call and send its header block.

        Args:
            host: of the FastAGI server.
            port: of the FastAGI server.
            caller: the caller's number; None withholds it.
            called: the number dialled.
            caller_name: what the caller's network says the name is.
            script: path of the ``agi://`` URL; None for a URL without one.
            arguments: of ``AGI()``, sent as ``agi_arg_1`` and so on.
            headers: replace or add header lines.
            variables: channel variables that are set before ``AGI()``.
            media: whether the caller's telephone sends sound; see :mod:`ivr.testing.channel`.
            answered: whether the dialplan answered the call before ``AGI()``.
            observer: told everything that happens on this call.

        Raises:
            OSError: nobody accepts. ``AGISTATUS`` would be FAILURE: the dialplan tries the next server.
        """
        number = next(self._numbers)
        unique_id = f"fake-{1_700_000_000 + number}.{number}"
        lines = _header(unique_id, f"agi://{host}:{port}", caller, called, caller_name, script, arguments)
        lines.update(headers or {})
        call = FakeCall(
            sounds=self.sounds,
            header=lines,
            variables={
                "UNIQUEID": unique_id,
                "CHANNEL": lines["agi_channel"],
                "EXTEN": called,
                "CALLERID(num)": caller or "",
                "CALLERID(name)": caller_name or "",
                "HANGUPCAUSE": "0",
                **(variables or {}),
            },
            media=media,
            answered=answered,
            agents=lambda queue: self._agents.get(queue) or self._agents.get("*") or ("answered", TALK_S),
            speed=self._speed,
            patience_s=self._patience_s,
        )
        if observer is not None:
            call.observers.append(observer)
        if self._observer is not None:
            call.observers.append(functools.partial(self._observer, call))
        async with asyncio.timeout(ACCEPT_TIMEOUT_S):
            await call.connect(host, port)
        self.calls.append(call)
        return call


def _header(
    unique_id: str,
    url: str,
    caller: str | None,
    called: str,
    caller_name: str | None,
    script: str | None,
    arguments: Sequence[str],
) -> dict[str, str]:
    """Answer the header block as Asterisk writes it, in its order."""
    lines = {"agi_network": "yes"}
    if script is not None:
        lines["agi_network_script"] = script
    lines |= {
        "agi_request": url if script is None else f"{url}/{script}",
        "agi_channel": f"PJSIP/fake-{unique_id.rpartition('.')[2].zfill(8)}",
        "agi_language": "en",
        "agi_type": "PJSIP",
        "agi_uniqueid": unique_id,
        "agi_version": VERSION,
        "agi_callerid": caller or "unknown",
        "agi_calleridname": caller_name or "unknown",
        "agi_callingpres": "0" if caller else "67",
        "agi_callingani2": "0",
        "agi_callington": "0",
        "agi_callingtns": "0",
        "agi_dnid": called,
        "agi_rdnis": "unknown",
        "agi_context": "bank",
        "agi_extension": called,
        "agi_priority": "2",
        "agi_enhanced": "0.0",
        "agi_accountcode": "",
        "agi_threadid": "139632838342336",
    }
    lines |= {f"agi_arg_{index}": argument for index, argument in enumerate(arguments, 1)}
    return lines
