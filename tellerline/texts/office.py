"""What people do with texts: plan, send, follow, hold, give up, send again; each proven, audited and told.

    async with open_sms_office(config) as office:
        person = await office.people.prove(token, "olga", Role.OPERATOR)
        sent = await office.send(asked, person)

It works beside running nodes and without any: everything goes through the store. What a node does with it is in the
text's life.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from redis.asyncio import Redis

from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.sealing import Sealer
from core_client.adapters.valkey import reach_store
from core_client.domain.staff import Person
from core_client.services.staff import People
from sms.messages import Outgoing, Purpose, State
from sms.numbers import TON_UNKNOWN, e164, masked
from sms.operators import Operator
from sms.people.manners import Manners
from sms.people.verdicts import Refuse, Verdict, Wait
from sms.sending.routing import Reason, Routes, Why
from sms.store.journal import Journal
from sms.store.lifelines import Life
from sms.store.lives import Lives
from sms.text.segmentation import Segments, TooLongError, plan
from tellerline.bootstrap import open_bank_only, store_url
from tellerline.config import Config
from tellerline.config_people import manners_of
from tellerline.errors import TellerlineError
from tellerline.operators import operators_of
from tellerline.state import open_state
from tellerline.texts.shelf import Entry, Shelf, What
from tellerline.texts.status import NodeStatus, StatusBoard

MAX_TEXT = 4000  # characters: what a person writes by hand and means
PURPOSES = (Purpose.ALERT, Purpose.RESULT, Purpose.CAMPAIGN)  # codes and answers are made by the bank alone
AGAIN = frozenset({State.UNKNOWN, State.REJECTED, State.EXPIRED, State.UNDELIVERABLE})
REJECTED_FOR_GOOD = ("stopped", "sim_fresh")  # people's rules said never: nobody sends that again


class SmsOfficeError(TellerlineError):
    """What was asked cannot be done; the message says why and the mend."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A text as somebody asks for it."""

    text: str
    purpose: Purpose = Purpose.ALERT
    source: str = ""  # empty: the short code
    not_before: float = 0.0
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """What would become of a text."""

    number: str  # masked
    operator: str  # that would carry it; empty: none can
    why: tuple[Reason, ...]  # how each candidate stands
    segments: Segments | None
    alphabet: str
    cost: int
    verdict: Verdict  # of people's rules, for now

    @property
    def flows(self) -> bool:
        """Whether some operator can take it now."""
        return any(one.state not in (Why.DOWN, Why.THROTTLED) for one in self.why)

    @property
    def parts(self) -> int:
        """How many parts it has."""
        return len(self.segments.parts) if self.segments is not None else 0


@dataclass(frozen=True, slots=True)
class Sent:
    """A text that is stored."""

    id: str
    node: str  # that has it; "nobody": the next one that starts


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that may be sent again."""

    life: Life
    outgoing: Outgoing
    lines: int  # of its life, as it was looked at


class SmsOffice:
    """Does what people ask, and writes it down. The person is proven before."""

    def __init__(
        self,
        config: Config,
        *,
        people: People,
        manners: Manners,
        lives: Lives,
        shelf: Shelf,
        board: StatusBoard,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.people = people
        self.lives = lives
        self.shelf = shelf
        self.board = board
        self.operators = operators_of(config.sms)
        self._sms = config.sms
        self._region = config.bank.region
        self._manners = manners
        self._now = now

    # --- planning ---

    def number(self, written: str) -> str:
        """Answer a number in E.164.

        Raises:
            SmsOfficeError: it is none.
        """
        number = e164(written, TON_UNKNOWN, self._region)
        if number is None:
            raise SmsOfficeError(
                f"'{written[:20]}' is no number that can be texted\n  mend: Write it as +8613900000001."
            )
        return number

    def check(self, asked: Asked) -> None:
        """Refuse what nobody should send, or nothing could carry.

        Raises:
            SmsOfficeError: it says why.
        """
        if not self.operators:
            raise SmsOfficeError("there is no SMS here\n  mend: Set sms.host, or write [[sms.operators]].")
        if asked.purpose not in PURPOSES:
            kinds = ", ".join(purpose.value for purpose in PURPOSES)
            raise SmsOfficeError(
                f"staff send no text of the kind {asked.purpose}: the bank makes those itself\n  mend: One of {kinds}."
            )
        if not asked.text.strip():
            raise SmsOfficeError("the text is empty\n  mend: Give it with --text, or on the standard input.")
        if len(asked.text) > MAX_TEXT:
            raise SmsOfficeError(f"{len(asked.text)} characters, {MAX_TEXT} at most\n  mend: Say it shorter.")
        if asked.operator and asked.operator not in {one.name for one in self.operators}:
            known = ", ".join(one.name for one in self.operators)
            raise SmsOfficeError(f"there is no operator '{asked.operator}'\n  mend: One of {known}.")

    def outgoing(self, asked: Asked, number: str, origin: str) -> Outgoing:
        """Make the text that would be sent."""
        at = self._now()
        begins = max(at, asked.not_before)
        return Outgoing(
            id=f"staff-{secrets.token_hex(8)}",
            source=asked.source or self._sms.short_code,
            destination=number,
            text=asked.text,
            purpose=asked.purpose,
            reference=secrets.randbelow(1 << 16),
            at=at,
            expires_at=begins + self._sms.expires_s[asked.purpose],
            not_before=asked.not_before,
            operator=asked.operator,
            origin=origin,
        )

    async def plan(self, outgoing: Outgoing, nodes: Sequence[NodeStatus]) -> Planned:
        """Answer what would become of a text as things stand now. Nothing is stored and nothing is counted."""
        routes = Routes(self.operators, ways_of(self.operators, nodes))
        route = routes.of(outgoing)
        reasons = route.reasons(0.0)
        well = next((one.operator for one in reasons if one.state not in (Why.DOWN, Why.THROTTLED)), route.first)
        operator = next((one for one in self.operators if one.name == well), None)
        segments = None
        if operator is not None:
            with contextlib.suppress(TooLongError):
                segments = plan(outgoing.text, operator, outgoing.reference)
        return Planned(
            number=masked(outgoing.destination),
            operator=well,
            why=reasons,
            segments=segments,
            alphabet=alphabet_of(segments) if segments is not None else "",
            cost=operator.cost * len(segments.parts) if operator is not None and segments is not None else 0,
            verdict=await self._manners.judge(outgoing, self._now()),
        )

    # --- sending ---

    async def send(self, outgoing: Outgoing, person: Person) -> Sent:
        """Store one text for a node to send."""
        await self._record(person, "sms.send", outgoing.id, purpose=outgoing.purpose.value)
        (node,) = await self.shelf.put([outgoing])
        return Sent(outgoing.id, node or "")

    async def campaign(
        self,
        name: str,
        asked: Asked,
        numbers: Sequence[str],
        person: Person,
        progress: Callable[[int], None] = lambda _: None,
    ) -> tuple[int, int]:
        """Text every number once under the name of a campaign, however often this is done; answer texted and known."""
        subject = f"campaign:{name}"
        await self._record(person, "sms.campaign_asked", subject, purpose=asked.purpose.value, numbers=len(numbers))
        texted = known = 0
        for begin in range(0, len(numbers), _AT_ONCE):
            some = numbers[begin : begin + _AT_ONCE]
            outgoings = [self.outgoing(asked, number, f"staff:{person.name} {subject}") for number in some]
            answers = await self.shelf.put(outgoings, name)
            known += answers.count(None)
            texted += len(answers) - answers.count(None)
            progress(len(some))
        await self._record(person, "sms.campaign_stored", subject, texted=texted, known=known)
        return texted, known

    # --- following ---

    async def find(self, what: str) -> list[str]:
        """Answer the ids of the texts that are meant by an id, a number, or an operator's id, the newest first."""
        names = [operator.name for operator in self.operators]
        found = await self.lives.find(what, names)
        if not found and (number := e164(what, TON_UNKNOWN, self._region)) is not None:
            found = await self.lives.find(number, names)
        return found

    async def nodes(self) -> list[NodeStatus]:
        """Answer what every node said of itself."""
        return await self.board.all()

    async def waiting(self) -> list[Entry]:
        """Answer what waits in all outboxes."""
        return [entry async for entry in self.shelf.waiting()]

    # --- orders ---

    async def order(self, id_: str, what: What, person: Person) -> None:
        """Order a text that waits to be held or given up.

        Raises:
            SmsOfficeError: it does not wait, or is an answer.
        """
        entries = {entry.id: entry for entry in await self.waiting()}
        entry = entries.get(id_)
        if entry is None:
            mend = f"tellerline sms trace {id_} says what became of it."
            raise SmsOfficeError(f"no text {id_} waits to be sent\n  mend: {mend}")
        for over in (await self.shelf.orders()).keys() - entries.keys():
            await self.shelf.withdraw(over)  # carried out: what does not wait needs no order
        if entry.outgoing is not None and entry.outgoing.purpose is Purpose.ANSWER:
            raise SmsOfficeError(f"{id_} answers a customer: answers go at once, and are neither held nor given up")
        await self._record(person, f"sms.{what.value}", id_)
        if not await self.shelf.order(id_, what, f"staff:{person.name}"):
            raise SmsOfficeError("there are too many orders already\n  mend: Release some: tellerline sms outbox.")

    async def release(self, id_: str, person: Person) -> None:
        """Take an order back.

        Raises:
            SmsOfficeError: there is none.
        """
        await self._record(person, "sms.release", id_)
        if not await self.shelf.withdraw(id_):
            raise SmsOfficeError(f"nothing was ordered of {id_}\n  mend: tellerline sms outbox shows what is held.")

    # --- sending again ---

    async def candidate(self, id_: str) -> Candidate:
        """Answer a text that may be sent again.

        Raises:
            SmsOfficeError: it is not known, has no last state to be mended, or its words are not kept.
        """
        lines = await self.shelf.lines(id_)
        life = await self.lives.life(id_)
        if life is None:
            raise SmsOfficeError(
                f"there is no text {id_}\n  mend: tellerline sms trace NUMBER lists those of a number."
            )
        reason = why_not_again(life)
        if reason:
            raise SmsOfficeError(f"{id_} is not sent again: {reason}")
        outgoing = await self.shelf.body(id_)
        if outgoing is None:
            raise SmsOfficeError(f"{id_} is not sent again: its words are not kept\n  mend: Send it anew: sms send.")
        return Candidate(life, outgoing, lines)

    async def candidates(
        self, states: frozenset[State], since: float, until: float, operator: str = ""
    ) -> list[Candidate]:
        """Answer the texts of these states that may be sent again, oldest first."""
        found = []
        for id_ in await self.shelf.bodies(since):
            lines = await self.shelf.lines(id_)
            life = await self.lives.life(id_)
            if life is None or life.state not in states or life.at > until or why_not_again(life):
                continue
            if operator and operator not in operators_in(life):
                continue
            outgoing = await self.shelf.body(id_)
            if outgoing is not None:
                found.append(Candidate(life, outgoing, lines))
        return found

    async def replay(self, candidate: Candidate, person: Person) -> str | None:
        """Have a text sent again and answer the node; None when something happened to it since it was looked at."""
        outgoing = candidate.outgoing
        await self._record(person, "sms.replay", outgoing.id, state=str(candidate.life.state))
        at = self._now()
        expires_at = at + self._sms.expires_s[outgoing.purpose]
        return await self.shelf.again(outgoing, candidate.lines, f"staff:{person.name}", at, expires_at)

    async def _record(self, person: Person, action: str, subject: str, **detail: str | int | bool) -> None:
        await self.people.record(person.name, action, f"sms:{subject}", **detail)


_AT_ONCE = 500  # texts of a campaign between two steps of its progress


def why_not_again(life: Life) -> str:
    """Answer why a text is not sent again; empty: it may be."""
    if life.received or life.state is None:
        return "a customer sent it"
    if life.state not in AGAIN:
        return f"it is {life.state}; only what is {', '.join(sorted(AGAIN))} may be"
    last = life.changes[-1].detail if life.changes else ""
    if life.state is State.REJECTED and last in REJECTED_FOR_GOOD:
        return f"people's rules say never ({last})"
    if life.purpose is Purpose.CODE:
        return "a code is worth nothing by now: the customer asks for another"
    return ""


def operators_in(life: Life) -> frozenset[str]:
    """Answer the operators that had to do with a text."""
    return frozenset(change.bind.partition("/")[0] for change in life.changes if change.bind)


def alphabet_of(segments: Segments) -> str:
    """Answer in a word how parts are written."""
    return {0: "GSM 03.38", 3: "Latin-1", 8: "UCS2"}.get(segments.data_coding, f"coding {segments.data_coding:#04x}")


@dataclass(frozen=True, slots=True)
class KnownWay:
    """A bind as the nodes tell of it; without a node that runs, one that is believed to be well."""

    operator: Operator
    name: str
    up: bool
    throttled_s: float = 0.0
    held_by: str = ""
    room: int = 1

    def usable(self, now: float) -> bool:
        """See :class:`sms.sending.routing.Way`."""
        return self.up

    def trusted(self, now: float) -> bool:
        """See :class:`sms.sending.routing.Way`."""
        return True

    def ready_at(self, now: float) -> float:
        """See :class:`sms.sending.routing.Way`."""
        return now

    def throttled_for(self, now: float) -> float:
        """See :class:`sms.sending.routing.Way`."""
        return self.throttled_s


def ways_of(operators: Sequence[Operator], nodes: Sequence[NodeStatus]) -> Mapping[str, Sequence[KnownWay]]:
    """Answer the binds that send, by operator: up where some node has them up."""
    running = [node for node in nodes if node.running]
    told: dict[str, list[Mapping[str, object]]] = {}
    for node in running:
        for bind in node.told.get("binds", ()):
            told.setdefault(str(bind.get("name")), []).append(bind)
    ways = {}
    for operator in operators:
        known = []
        for bind in operator.binds:
            if not bind.mode.sends:
                continue
            name = f"{operator.name}/{bind.name}"
            ups = [one for one in told.get(name, ()) if one.get("bound")]
            throttled = [float(str(one.get("throttled_s", 0.0))) for one in ups]
            known.append(KnownWay(operator, name, bool(ups) or not running, min(throttled, default=0.0)))
        ways[operator.name] = known
    return ways


class _NoStore:
    """In the place of the store where nothing is counted."""

    def write(self, script: str, keys: tuple[str, ...], *arguments: bytes | str | int) -> object:
        raise AssertionError("a plan counts nothing")


@contextlib.asynccontextmanager
async def open_sms_office(config: Config) -> AsyncIterator[SmsOffice]:
    """Open the store and the bank, beside running nodes or without any.

    Raises:
        ConfigError: there is no bank where the settings say.
        StoreError: the store cannot be reached.
    """
    keys = open_state(config.server.state_dir)
    async with (
        open_bank_only(config) as bank,
        reach_store(store_url(config), config.server.state_dir) as store,
        Journal(store.redis).running() as journal,
    ):
        yield make_sms_office(config, bank, store.redis, journal, Sealer(keys.seal))


def make_sms_office(
    config: Config,
    bank: EmbeddedBank,
    redis: Redis,
    journal: Journal,
    sealer: Sealer,
    now: Callable[[], float] = time.time,
) -> SmsOffice:
    """Put an office together from what is open."""
    settings = replace(manners_of(config.sms.people, config.sms.short_code), to_number={}, from_sender={})
    return SmsOffice(
        config,
        people=bank.people,
        manners=Manners(settings, operators_of(config.sms), bank.messaging, _NoStore(), sealer),  # type: ignore[arg-type]  # asked for nothing
        lives=Lives(journal, sealer, keep_s=config.sms.keep_s),
        shelf=Shelf(redis, sealer, keep_s=config.sms.keep_s),
        board=StatusBoard(redis),
        now=now,
    )


def told(verdict: Verdict, at: Callable[[float], str]) -> str:
    """Answer in words what people's rules say."""
    match verdict:
        case Wait(until, why):
            return f"waits until {at(until)} ({why.replace('_', ' ')})"
        case Refuse(reason, detail):
            return f"refused: {reason.replace('_', ' ')}{f', {detail}' if detail else ''}"
        case _:
            return "may be sent"
