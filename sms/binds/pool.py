"""All binds to all operators: brought up and closed together, each with its pace, its lease and how well it is."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from sms.binds.esme import Esme, Respond
from sms.binds.leases import Lease, Leases
from sms.binds.pacing import Pace
from sms.observing import Observer
from sms.operators import BindSettings, Mode, Operator
from sms.sending.routing import Trust, Way, standing
from sms.smpp import Message

DRAIN_S = 5.0  # answers that are under way when a bind is closed

OnMessage: TypeAlias = Callable[[str, Message, str, Respond], None]  # operator, message, link, respond

_EVER = float("inf")


@dataclass(frozen=True, slots=True)
class BindHealth:
    """How one bind is, for people and for figures."""

    name: str  # operator/bind
    mode: Mode
    bound: bool
    since: float  # bound, or not, since then; seconds since the epoch
    last_error: str  # why it is not bound, or was not before
    window: int
    in_flight: int  # submit_sm that wait for their answers
    rate: float  # submit_sm taken a second, now
    limit: float  # that are let through a second; 0: no limit
    throttled_s: float  # the operator is left alone for so much longer
    trusted_in_s: float  # until it is preferred again after it came back
    downs: int  # times that it went down
    single: bool
    held: bool  # ours to use
    holder: str  # the node that holds its lease, where that is known
    fence: int  # counts holders


class BindWay:
    """One bind, and all that is known of it. See :class:`sms.sending.routing.Way`."""

    __slots__ = ("_lease", "bound", "esme", "name", "operator", "pace", "reserved", "settings", "since", "trust")

    def __init__(self, operator: Operator, settings: BindSettings, since: float) -> None:
        self.operator = operator
        self.settings = settings
        self.name = f"{operator.name}/{settings.name}"
        self.pace = Pace(settings.per_second, random.random)
        self.trust = Trust()
        self.reserved = 0  # places of its window that are kept for parts that are being noted
        self.bound = False
        self.since = since
        self.esme: Esme
        self._lease: Lease | None = None

    @property
    def lease(self) -> Lease | None:
        """What holds it, where it may exist once and there are several nodes."""
        return self._lease

    @lease.setter
    def lease(self, lease: Lease) -> None:
        self._lease = lease

    @property
    def room(self) -> int:
        """How many PDUs may be written now."""
        return self.esme.room - self.reserved

    @property
    def held_by(self) -> str:
        """The other node that holds it; empty: none, or it is ours."""
        lease = self._lease
        return "" if lease is None else lease.elsewhere

    def usable(self, now: float) -> bool:
        """Whether it is bound, and ours to use."""
        lease = self._lease
        return self.esme.bound and (lease is None or now < lease.until)

    def trusted(self, now: float) -> bool:
        """Whether it may be preferred to others."""
        return self.trust.trusted(now)

    def ready_at(self, now: float) -> float:
        """Answer from when on the next PDU may be written."""
        return self.pace.ready_at(now)

    def throttled_for(self, now: float) -> float:
        """Answer for how many seconds more the operator is left alone."""
        return self.pace.throttled_for(now)

    def health(self, now: float) -> BindHealth:
        """Answer how it is."""
        lease = self._lease
        return BindHealth(
            name=self.name,
            mode=self.settings.mode,
            bound=self.esme.bound,
            since=self.since,
            last_error=self.esme.last_error,
            window=self.settings.limits.window,
            in_flight=self.esme.in_flight,
            rate=self.pace.meter.rate(now),
            limit=self.pace.limit,
            throttled_s=self.pace.throttled_for(now),
            trusted_in_s=self.trust.trusted_in(now),
            downs=self.trust.downs,
            single=self.settings.single,
            held=lease is None or now < lease.until,
            holder="" if lease is None else lease.holder,
            fence=0 if lease is None else lease.fence,
        )


class Binds:
    """The binds of all operators."""

    def __init__(
        self,
        operators: Sequence[Operator],
        on_message: OnMessage,
        leases: Leases | None = None,
        *,
        observer: Observer | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare them; :meth:`running` brings them up.

        Args:
            on_message: gets every message with its operator's name; see :class:`sms.binds.esme.Esme`.
            leases: of binds that may exist once; without them this is the only node.

        Raises:
            ValueError: two operators, or two binds of one, have the same name.
            TlsError, LocalProtocolError: settings that cannot be used; see :class:`sms.binds.esme.Esme`.
        """
        self.operators = tuple(operators)
        self.on_change: list[Callable[[], None]] = []  # called when there may be more room, or a bind came or went
        self._wall_clock = wall_clock
        self._leases = leases
        self._all: dict[str, BindWay] = {}
        for operator in operators:
            for settings in operator.binds:
                way = BindWay(operator, settings, wall_clock())
                if way.name in self._all:
                    raise ValueError(f"two binds have the name {way.name}")
                self._all[way.name] = way
                way.esme = Esme(
                    settings,
                    operator.name,
                    partial(on_message, operator.name),
                    on_change=partial(self._changed, way),
                    observer=observer,
                )
                if settings.single and leases is not None:
                    way.esme.allow(False)
                    way.lease = leases.lease(way.name, partial(self._leased, way))

    def __getitem__(self, name: str) -> BindWay:
        """Answer the bind ``operator/bind``."""
        return self._all[name]

    @property
    def ways(self) -> dict[str, tuple[BindWay, ...]]:
        """The binds that send, by operator. Receivers are not among them."""
        return {
            operator.name: tuple(
                way for way in self._all.values() if way.operator is operator and way.settings.mode.sends
            )
            for operator in self.operators
        }

    def usable(self, operator: str) -> tuple[BindWay, ...]:
        """Answer the binds of an operator over which texts can be sent now."""
        now = asyncio.get_running_loop().time()
        return tuple(
            way
            for way in self._all.values()
            if way.operator.name == operator and way.settings.mode.sends and way.usable(now)
        )

    @property
    def bound(self) -> bool:
        """Whether texts come and go over one bind at least."""
        return any(way.esme.bound for way in self._all.values())

    def health(self) -> tuple[BindHealth, ...]:
        """Answer how every bind is."""
        now = asyncio.get_running_loop().time()
        return tuple(way.health(now) for way in self._all.values())

    def states(self) -> dict[str, tuple[str, str]]:
        """Answer for each operator how it stands, in a word and a detail."""
        now = asyncio.get_running_loop().time()
        ways: dict[str, tuple[Way, ...]] = {name: tuple(some) for name, some in self.ways.items()}
        return {name: (state.value, detail) for name, some in ways.items() for state, detail in (standing(some, now),)}

    @asynccontextmanager
    async def running(self, drain_s: float = DRAIN_S) -> AsyncIterator[Binds]:
        """Keep all binds up inside the block; at its end drain, unbind and close them, then give leases back."""
        async with AsyncExitStack() as stack:
            for way in self._all.values():
                await stack.enter_async_context(way.esme.running(drain_s))
            if self._leases is not None:
                await stack.enter_async_context(self._leases.running())
            # First of all at the end, and at once: no bind is up any more when its lease is given back.
            stack.push_async_callback(self._close, drain_s)
            yield self

    def refuse_new(self) -> None:
        """Take no more messages from any operator: they are told to keep them."""
        for way in self._all.values():
            way.esme.refuse_new()

    async def wait_bound(self, timeout_s: float) -> None:
        """Answer when every bind that is ours to use is bound.

        Raises:
            BindError: not within ``timeout_s``, and an SMSC's last word was a refusal.
            TimeoutError: not within ``timeout_s``.
        """
        await asyncio.gather(*(way.esme.wait_bound(timeout_s) for way in self._all.values() if way.esme.allowed))

    async def _close(self, drain_s: float) -> None:
        await asyncio.gather(*(way.esme.close(drain_s) for way in self._all.values()))

    def _leased(self, way: BindWay, held: bool) -> None:
        way.esme.allow(held)
        self._changed(way, way.esme)

    def _changed(self, way: BindWay, esme: Esme) -> None:
        bound = esme.bound
        if bound is not way.bound:
            way.bound = bound
            way.since = self._wall_clock()
            now = asyncio.get_running_loop().time()
            if bound:
                way.trust.up(now)
            else:
                way.trust.down(now)
        for hear in self.on_change:
            hear()
