"""Where a text belongs, and what answers it: without stores of texts and without a wire.

In this order: six digits to the dialogue that waits for a code, else they are taken for a PIN and refused; a command of
the flow begins a dialogue; anything else goes to the dialogue that waits for a text; what is left is answered with
help, a few times an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core_client.domain.filling import quick
from core_client.domain.secret import Secret
from core_client.ports.clock import Clock
from core_client.services.client import Arrival
from flows.dialogue import Channel, Party, Prompt, Reconnected, Resume, Say, TextReceived, Trigger
from flows.errors import SessionGone
from flows.model import Flow
from flows.prompts import SMS_HELP, SMS_LOOKS_LIKE_PIN
from flows.runner import Ended, Flows, Suspended
from flows.session import Session
from flows.sessions import SessionStore
from flows.steps.bank import Bank
from flows.vault import Vault
from sms import commands
from sms.line import SmsLine

URGENT = frozenset({"customer.stop_messages", "cards.block"})
MAX_STEPS_KNOWN = 1_000  # of flow versions that came and went

_begun_by = quick(Trigger)
_party = quick(Party)


class Arrivals(Protocol):
    """What is needed of :class:`core_client.services.client.CoreClient`."""

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        """Begin an auth session; see ``CoreClient.arrive``."""
        ...

    def let_go(self, auth_session_id: str) -> None:
        """Forget an auth session that nothing has kept; see ``CoreClient.let_go``."""
        ...


class Dialogues(Protocol):
    """What is needed of :class:`flows.runner.Runner`."""

    async def start(self, trigger: Trigger, line: SmsLine) -> Ended | Suspended:
        """Begin a dialogue; see ``Runner.start``."""
        ...

    async def enquire(self, trigger: Trigger, line: SmsLine) -> str | None:
        """Carry out what only enquires; see ``Runner.enquire``."""
        ...

    async def resume(self, session_id: str, resume: Resume, line: SmsLine) -> Ended | Suspended:
        """Go on with one; see ``Runner.resume``."""
        ...


class Shares(Protocol):
    """Counts what a number gets in an hour."""

    async def left(self, number: str, what: str) -> bool:
        """Count one more; False when the number has had its share of this hour."""
        ...


class Marks(Protocol):
    """Remembers at which turn of which dialogue a text was worked on, over a crash."""

    async def before(self, name: str) -> str | None:
        """Answer the mark of a text that was begun before."""
        ...

    async def put(self, name: str, mark: str) -> None:
        """Set it."""
        ...


@dataclass(slots=True)
class Asked:
    """One text to answer, and what is found out about it, for the log."""

    number: str  # E.164
    text: str | None  # None: it was no text; never printed
    name: str  # the same when it is worked on again, unique otherwise
    recovered: bool = False  # a former process may have begun with it
    kind: str = "unknown"
    step: str = ""
    begun: bool = False  # a dialogue was begun for it
    code: bool = False  # a code was issued, and its text is waited for

    def __repr__(self) -> str:
        return f"Asked({self.name}, {self.kind})"


class Answering:
    """Takes texts to their dialogues."""

    def __init__(
        self,
        *,
        core: Arrivals,
        runner: Dialogues,
        flows: Flows,
        flow: str,
        sessions: SessionStore,
        vault: Vault,
        clock: Clock,
        shares: Shares,
        marks: Marks | None = None,
        on_command: Callable[[commands.Command], None] = lambda command: None,
    ) -> None:
        """``marks`` is needed where texts are recovered after a crash; ``on_command`` hears every command."""
        self._core = core
        self._runner = runner
        self._flows = flows
        self._flow = flow
        self._sessions = sessions
        self._vault = vault
        self._clock = clock
        self._shares = shares
        self._marks = marks
        self._on_command = on_command
        self._more: set[tuple[str, str]] = set()  # flow version and step of commands that want more than an enquiry

    async def arrive(self, number: str) -> Arrival:
        """Begin an auth session for whoever texts from ``number``."""
        return await self._core.arrive(Channel.SMS.value, number)

    def let_go(self, arrival: Arrival) -> None:
        """The text is dealt with: forget its auth session, unless a dialogue that goes on has kept it."""
        self._core.let_go(arrival.auth_session_id)

    async def share(self, number: str, what: str) -> bool:
        """Count one more of ``what`` for a number; False when it has had its share of this hour."""
        return await self._shares.left(number, what)

    def is_urgent(self, text: str | None) -> bool:
        """Answer whether ``text`` is a command that is carried out even for whoever floods us: STOP, a lost card."""
        if text is None:
            return False
        flow = self._flows.current(self._flow)
        command = commands.match(flow.sms_patterns, text, flow.currency, flow.country)
        step = None if command is None else flow.steps[command.step]
        return isinstance(step, Bank) and step.operation.name in URGENT

    async def answer(self, asked: Asked, arrival: Arrival, line: SmsLine) -> None:
        """Say on ``line`` what answers the text."""
        text = asked.text
        if text is None:
            await self._help(asked, arrival, line, "unreadable")
            return
        code = commands.six_digits(text)
        if code is not None:
            await self._code(asked, arrival, line, code)
            return
        flow = self._flows.current(self._flow)
        command = commands.match(flow.sms_patterns, text, flow.currency, flow.country)
        if command is not None:
            asked.kind, asked.step = "command", command.step
            self._on_command(command)
            self._note(asked, await self._runner.start(self._trigger(asked, arrival, flow, command), line))
            return
        session = await self._waiting(asked)
        if session is not None:
            asked.kind, asked.step = "reply", session.step
            if await self._resume(asked, session, TextReceived(text), line):
                return
        await self._help(asked, arrival, line, "unknown" if session is None else "late")

    def enquiry(self, text: str) -> commands.Command | None:
        """Answer the command that ``text`` is, unless it is known to want more than an enquiry."""
        flow = self._flows.current(self._flow)
        command = commands.match(flow.sms_patterns, text, flow.currency, flow.country)
        return None if command is None or (flow.version, command.step) in self._more else command

    async def enquire(self, asked: Asked, arrival: Arrival, command: commands.Command, line: SmsLine) -> bool:
        """Say on ``line`` what answers an enquiry; False, and nothing has happened, where it is none."""
        asked.kind, asked.step = "command", command.step
        flow = self._flows.current(self._flow)
        if await self._runner.enquire(self._trigger(asked, arrival, flow, command), line) is not None:
            return True
        if len(self._more) >= MAX_STEPS_KNOWN:
            self._more.clear()
        self._more.add((flow.version, command.step))
        return False

    async def begin(self, asked: Asked, arrival: Arrival, step: str, line: SmsLine) -> None:
        """Begin a dialogue at ``step`` of which no text asked for, as a missed call does."""
        asked.kind, asked.step = "begun", step
        flow = self._flows.current(self._flow)
        language = arrival.language if arrival.language in flow.languages else flow.languages[0]
        command = commands.Command(step, language, {})
        self._note(asked, await self._runner.start(self._trigger(asked, arrival, flow, command), line))

    async def say(self, line: SmsLine, prompt: str, asked: Asked, arrival: Arrival) -> None:
        """Say one of the system's own prompts in the language of the text."""
        await line.say(Say((Prompt(prompt),), self._language(asked, arrival)))

    async def _code(self, asked: Asked, arrival: Arrival, line: SmsLine, code: str) -> None:
        session = await self._waiting(asked)
        # One that waits for neither was at the bank with this very code when its node died.
        if session is not None and not session.ended and (session.waits_for_code or not session.waits_for_text):
            asked.kind, asked.step = "code", session.step
            handle = self._vault.keep(Secret(code))
            try:
                if await self._resume(asked, session, TextReceived("", handle), line):
                    return
            finally:
                self._vault.forget(handle)
        asked.kind = "like_pin"
        if await self._shares.left(asked.number, "pin"):
            await self.say(line, SMS_LOOKS_LIKE_PIN, asked, arrival)

    async def _waiting(self, asked: Asked) -> Session | None:
        session_id = await self._sessions.waiting(asked.number)
        return None if session_id is None else await self._sessions.get(session_id)

    async def _resume(self, asked: Asked, session: Session, resume: Resume, line: SmsLine) -> bool:
        """Go on with a dialogue; False when it is over.

        A text that a former process had begun to work on may have moved the dialogue on already, and only its answer
        was lost: then the dialogue asks again what it asked, instead of taking the text for the answer to that.
        """
        if self._marks is not None:
            now = f"{session.id}:{session.turns}"
            if asked.recovered:
                before = await self._marks.before(asked.name)
                if before is not None and before != now and session.waits_for_text:
                    resume = Reconnected()
            if not isinstance(resume, Reconnected):
                await self._marks.put(asked.name, now)
        try:
            self._note(asked, await self._runner.resume(session.id, resume, line))
        except SessionGone:
            return False
        return True

    def _note(self, asked: Asked, came_of_it: Ended | Suspended) -> None:
        asked.code = isinstance(came_of_it, Suspended) and came_of_it.session.waits_for_code

    def _trigger(self, asked: Asked, arrival: Arrival, flow: Flow, command: commands.Command) -> Trigger:
        again, asked.begun = asked.begun or asked.recovered, True
        return _begun_by(
            flow.name,
            Channel.SMS,
            _party(asked.number, arrival.identified, arrival.language),
            f"sms-{asked.name}",  # worked on again after a crash, it asks the bank under the same request ids
            arrival.auth_session_id,
            self._clock.now(),
            command.step,
            command.slots,
            command.language,
            None,
            again,
        )

    async def _help(self, asked: Asked, arrival: Arrival, line: SmsLine, kind: str) -> None:
        asked.kind = kind
        if await self._shares.left(asked.number, "help"):
            await self.say(line, SMS_HELP, asked, arrival)

    def _language(self, asked: Asked, arrival: Arrival) -> str:
        """The language of what was written where its letters tell, else the customer's, else the bank's first."""
        languages = self._flows.current(self._flow).languages
        text = asked.text or ""
        if any("\u4e00" <= character <= "\u9fff" for character in text) and "zh" in languages:
            return "zh"
        if arrival.language is not None and arrival.language in languages:
            return arrival.language
        latin = any(character.isascii() and character.isalpha() for character in text)
        return "en" if latin and "en" in languages else languages[0]
