"""Walks a flow: from what came back, through steps and gates, to the next thing that is waited for."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TypeAlias

from core_client.domain.filling import quick
from core_client.domain.values import Value
from core_client.language.errors import EvaluationError
from flows import prompts
from flows.dialogue import (
    Channel,
    End,
    Facts,
    Mark,
    OperationAnswered,
    PartyLeft,
    Perform,
    Reconnected,
    Resume,
    Say,
    SessionExpired,
    Trigger,
    Turn,
    Wait,
    What,
)
from flows.engine.draft import Checked, Draft
from flows.engine.straight import MAX_OUTCOMES, MAX_WAYS, Begun, Recording, Straight, Values, way_of
from flows.model import BY_CODE, BY_NUMBER, RETURN, Edge, Flow, Gate, Go, Step, Way
from flows.session import Frame, OpenSession, Session, Waiting

MAX_STEPS_PER_TURN = 50  # between two waits; the longest way of the retail flow is 9
MAX_TURNS = 200  # of one dialogue; a long call of a patient customer takes 60. What the bank answered is still said.
MAX_TURNS_AT_THE_BANK = MAX_TURNS + 50  # for rounds that only ask the bank: the loader's lints find those first

# Python 3.11 looks a member of an enum up in 0.1 µs: what every turn asks for is looked up once.
_ENTERED, _LEFT, _UNIVERSAL, _NOTHING = What.ENTERED, What.LEFT, Way.UNIVERSAL, Waiting.NOTHING
QUARTER_S = 900  # no zone's midnight is in the middle of one
MAX_BEGUN = 256  # first turns that are remembered: a flow has a dozen commands, in a few languages
MAX_TRAILS = 4096  # ways through a flow that are remembered
_AMISS = (EvaluationError, ValueError, KeyError)
_SMS = Channel.SMS
_AT_THE_BANK = (Waiting.OPERATION, Waiting.ISSUE, Waiting.VERIFY)
_turn = quick(Turn)
_perform = quick(Perform)
_Begin: TypeAlias = tuple[str, str, bool, str | None]  # step, language, whether the number is known, its language


class Engine:
    """Decides every dialogue of one flow. Holds no state of its own."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._begun: dict[_Begin, Begun] = {}
        self._day = 0, ""  # the quarter of an hour that a day was last asked for, and that day
        self._steps_on = {channel: _steps_on(flow, channel) for channel in Channel}

    def start(self, trigger: Trigger, facts: Facts | None = None) -> tuple[Session, Turn]:
        """Begin a dialogue. Without ``facts`` it is the trigger's time, and no notice is on.

        Most texts begin alike: with a bare command, and with a question to the bank that nothing but the flow and the
        language decides. Such a first turn is decided once and then given to each text as its own.

        Raises:
            KeyError: the trigger names a step or a variable that the flow does not have.
        """
        flow = self.flow
        for name in trigger.slots:
            flow.variables[name]
        step = trigger.step or flow.start
        flow.steps[step]
        language = self._language(trigger)
        how = self._how(trigger)
        known = None if how is None else self._begun.get(how)
        if known is not None:
            return _begun_again(known, trigger, self.today(trigger))
        session = Session(
            id=trigger.session_id,
            flow=flow.name,
            version=flow.version,
            channel=trigger.channel,
            party=trigger.party,
            auth_session_id=trigger.auth_session_id,
            today=self.today(trigger),
            language=language,
            step=step,
            variables=dict(trigger.slots),
            slots=tuple(trigger.slots),
        )
        draft = Draft(flow, session, 1, facts or Facts(trigger.at))

        def begin() -> Go:
            if self._slots_pass(draft):
                return step
            draft.say_prompt(prompts.NO_MATCH, prompts.SMS_HELP)
            return End("bad_slot")

        began = self._walk(draft, begin)
        if how is not None and not draft.by_chance and _names_only_its_session(began) and len(self._begun) < MAX_BEGUN:
            self._begun[how] = Begun(*began)
        return began

    def begun(self, trigger: Trigger) -> Begun | None:
        """Answer the first turn of a text's dialogue where it is remembered: :meth:`start` would answer the same."""
        how = self._how(trigger)
        return None if how is None else self._begun.get(how)

    def _how(self, trigger: Trigger) -> _Begin | None:
        if trigger.channel is not _SMS or trigger.slots:
            return None
        party = trigger.party
        return trigger.step or self.flow.start, self._language(trigger), party.identified, party.language

    def _language(self, trigger: Trigger) -> str:
        wanted, spoken = trigger.language or trigger.party.language, self.flow.languages
        return wanted if wanted in spoken else spoken[0]

    def straight(
        self, begun: Begun, trigger: Trigger, answer: OperationAnswered, facts: Callable[[], Facts]
    ) -> tuple[list[Say], Turn] | None:
        """Answer what follows the answer to a remembered first turn: what is said, and the last turn without it.

        None: :meth:`resume` must tell. ``facts`` are only asked for where something depends on them.
        """
        outcome = answer.outcome, answer.reason
        ways = begun.after.get(outcome)
        if ways is None:
            if len(begun.after) >= MAX_OUTCOMES:
                return None
            ways = begun.after[outcome] = []
        scope = self._values(begun, trigger, answer, facts)
        try:
            way = next((way for way in ways if way.fits(scope)), None)
            if way is None:
                if len(ways) < MAX_WAYS:
                    ways.append(self._recorded(begun, trigger, answer, facts()))
                return None
            if way.turn is None:
                return None
            says = way.says(self.flow, begun.session.language, scope)
        except _AMISS:
            return None
        return (says, way.turn) if says else None

    def _values(self, begun: Begun, trigger: Trigger, answer: OperationAnswered, facts: Callable[[], Facts]) -> Values:
        step = self.flow.steps[begun.session.step]
        saved = step.saved(answer.outcome)
        own: dict[str, Value] = {"channel": _SMS.value, "language": begun.session.language}
        if answer.reason:
            own["reason"] = answer.reason
        if saved is not None:
            own[saved] = answer.answer

        def draft() -> Draft:
            session, _ = _begun_again(begun, trigger, self.today(trigger))
            whole = Draft(self.flow, session, session.turns + 1, facts())
            step.answer(whole, answer)
            return whole

        return Values(own, draft)

    def _recorded(self, begun: Begun, trigger: Trigger, answer: OperationAnswered, facts: Facts) -> Straight:
        session, _ = _begun_again(begun, trigger, self.today(trigger))
        draft = Recording(self.flow, session, session.turns + 1, facts)
        step = self.flow.steps[session.step]
        _, turn = self._walk(draft, lambda: step.answer(draft, answer))
        return way_of(draft, turn, self._values(begun, trigger, answer, lambda: facts))

    def today(self, trigger: Trigger) -> str:
        """Answer the day on which a dialogue begins, where the flow is at home."""
        quarter = int(trigger.at.timestamp()) // QUARTER_S
        if quarter != self._day[0]:
            self._day = quarter, trigger.at.astimezone(self.flow.zone).date().isoformat()
        return self._day[1]

    def resume(self, session: Session, resume: Resume, facts: Facts | None = None) -> tuple[Session, Turn]:
        """Go on with what came back. An ended session stays ended, whatever comes.

        Without ``facts`` it is noon of the day on which the dialogue began, and no notice is on.
        """
        facts = facts or self._noon(session)
        if session.ended:
            return session, Turn((End("ended"),), None)
        if session.turns >= MAX_TURNS and not isinstance(resume, PartyLeft | OperationAnswered):
            return self._stop(session, facts, "too_long", prompts.TOO_LONG)
        if session.turns >= MAX_TURNS_AT_THE_BANK and not self.flow.steps[session.step].moves_money:
            return self._stop(session, facts, "too_long", prompts.TOO_LONG)
        match resume:
            case PartyLeft():
                return self._stop(session, facts, "party_left")
            case SessionExpired():
                expired = prompts.CODE_EXPIRED if session.waiting is Waiting.CODE else prompts.TOO_LONG
                return self._stop(session, facts, "expired", expired)
        again = session.waiting in _AT_THE_BANK and not isinstance(resume, OperationAnswered)
        draft = Draft(self.flow, session, session.turns if again else session.turns + 1, facts)
        step = self.flow.steps[session.step]
        if isinstance(resume, OperationAnswered):
            draft.money_asked = step.moves_money and resume.outcome not in ("refused", "down")
        if again or isinstance(resume, Reconnected):
            # The node died between asking the bank and hearing from it, or the line is a new one: the turn is
            # carried out again, under the same request id when it was at the bank.
            return self._walk(draft, lambda: step.again(draft, resume))
        return self._walk(draft, lambda: step.answer(draft, resume))

    def give_up(self, session: Session) -> tuple[Session, Turn]:
        """End a dialogue of a version that is lost, saying that it is our fault.

        A step of that name may have moved money then as it does now; of one that is gone nobody knows.
        """
        moving = session.waiting is Waiting.OPERATION and self._may_have_moved_money(session.step)
        said = prompts.TRANSFER_UNKNOWN if moving else prompts.SYSTEM_TROUBLE
        return self._stop(session, self._noon(session), "trouble", said)

    def _may_have_moved_money(self, name: str) -> bool:
        step = self.flow.steps.get(name)
        return any(each.moves_money for each in self.flow.steps.values()) if step is None else step.moves_money

    def _stop(self, session: Session, facts: Facts, reason: str, *said: str) -> tuple[Session, Turn]:
        draft = Draft(self.flow, session, session.turns + 1, facts)
        if said:
            draft.say_prompt(*said)
        return self._turn(draft, End(reason))

    def _walk(self, draft: Draft, begin: Callable[[], Go]) -> tuple[Session, Turn]:
        try:
            wait = self._steps(draft, begin())
        except _AMISS:
            # A value that the flow counted on is missing or does not fit. Said as our fault, never as the party's.
            draft.effects.clear()
            wait = self._trouble(draft)
        return self._turn(draft, wait)

    def _steps(self, draft: Draft, go: Go) -> Wait | End:
        steps, mark = self._steps_on[draft.channel], draft.mark
        walked = 0
        while isinstance(go, (str, Edge)):
            if isinstance(go, Edge):
                mark(_LEFT, go.way, go.word)
                # The same visit: whoever asks to hear it once more hears the same.
                draft.heard_again = go.way is _UNIVERSAL and go.target == draft.step
                go = go.target
            walked += 1
            if walked > MAX_STEPS_PER_TURN:
                return self._trouble(draft)
            if go == RETURN:
                go = self._return(draft)
                continue
            if draft.frames:
                self._leave(draft, go)
            found = steps[go]
            if found is None:
                return self._trouble(draft)
            step, needed, counted = found
            if needed and (gate := self._missing(draft, needed)) is not None:
                go = self._pass(draft, gate, step)
                continue
            if draft.step != go:
                draft.last_step, draft.step = draft.step, go
            mark(_ENTERED)
            if counted and not draft.heard_again:
                draft.visit(go)
            go = step.enter(draft)
        return go

    def _missing(self, draft: Draft, needed: tuple[str, ...]) -> Gate | None:
        for name in needed:
            if name in draft.gates:
                continue
            gate = self.flow.gates[name]
            if gate.unless is not None and gate.unless.evaluate(draft):
                draft.gates = (*draft.gates, name)
                continue
            if draft.sms and gate.sms == BY_NUMBER and draft.party.identified:
                continue
            if draft.sms and gate.sms == BY_CODE and draft.code_passed:
                continue
            return gate
        return None

    def _pass(self, draft: Draft, gate: Gate, step: Step) -> Go:
        """Begin to pass ``gate`` on the way to ``step``."""
        if not draft.sms:
            draft.frames = (*draft.frames, Frame(gate.name, step.name))
            return gate.voice
        if gate.sms == BY_NUMBER:
            draft.say_prompt(prompts.NOT_REGISTERED)
            return End("not_registered")
        return self._trouble(draft)  # a code without a confirmation: the loader refuses such a flow

    def _return(self, draft: Draft) -> Go:
        if not draft.frames:
            return self._trouble(draft)
        frame = draft.frames[-1]
        draft.frames = draft.frames[:-1]
        if frame.gate:
            draft.gates = (*draft.gates, frame.gate)
        else:
            draft.trail.append(Mark(frame.call, What.LEFT, Way.NEXT))
        self._forget_inside(draft, frame)
        return frame.then

    def _forget_inside(self, draft: Draft, frame: Frame) -> None:
        """Have "back" go to the question before the proof or the call: inside of it, nothing would return any more."""
        inside = self._inside(frame)
        history = draft.history
        while history and history[-1] in inside:
            history = history[:-1]
        draft.history = history

    def _inside(self, frame: Frame) -> frozenset[str]:
        """Answer the steps of the gate or sub-flow that ``frame`` is of."""
        if frame.gate:
            return self.flow.gates[frame.gate].steps
        return self.flow.subflows[frame.call]

    def _leave(self, draft: Draft, target: str) -> None:
        """Forget the gates and sub-flows that ``target`` is no longer inside of: nothing is passed, nobody returns."""
        frames = draft.frames
        while frames and target not in self._inside(frames[-1]):
            self._forget_inside(draft, frames[-1])
            frames = frames[:-1]
        draft.frames = frames

    def _slots_pass(self, draft: Draft) -> bool:
        for name in draft.slots:
            variable = self.flow.variables[name]
            if variable.check is not None and not variable.check.evaluate(Checked(draft, draft.variables[name])):
                return False
        return True

    def _trouble(self, draft: Draft) -> End:
        # Money that may have moved is never spoken of as something to try again.
        draft.say_prompt(prompts.TRANSFER_UNKNOWN if draft.money_asked else prompts.SYSTEM_TROUBLE)
        return End("trouble")

    def _turn(self, draft: Draft, go: Wait | End) -> tuple[Session, Turn]:
        if not isinstance(go, End):
            return draft.freeze(go), _turn(tuple(draft.effects), go, _interned(draft.trail))
        if draft.sms and not draft.effects:
            draft.say_prompt(prompts.SMS_HELP)  # a text is never left without an answer
        draft.waiting = _NOTHING
        draft.effects.append(go)
        return draft.freeze(None), _turn(tuple(draft.effects), None, _interned(draft.trail))

    def _noon(self, session: Session) -> Facts:
        day = datetime.date.fromisoformat(session.today)
        return Facts(datetime.datetime.combine(day, datetime.time(12), self.flow.zone))


def _names_only_its_session(began: tuple[Session, Turn]) -> bool:
    """Answer whether a first turn can be another dialogue's: it asks the bank under its session's own name.

    With values of anybody's in it, said, kept or handed to the bank, it never is.
    """
    session, turn = began
    wait = turn.wait
    if type(wait) is not Perform or wait.arguments or turn.effects or session.variables:
        return False
    return wait.request_id == f"{session.id}:{session.turns}"


def _begun_again(known: Begun, trigger: Trigger, today: str) -> tuple[Session, Turn]:
    """Answer a first turn that was decided before, for another text: the same but for whose it is."""
    was, turn = known.session, known.turn
    made = OpenSession(
        id=trigger.session_id,
        flow=was.flow,
        version=was.version,
        channel=was.channel,
        party=trigger.party,
        auth_session_id=trigger.auth_session_id,
        today=today,
        language=was.language,
        step=was.step,
        waiting=was.waiting,
        variables=was.variables,
        slots=was.slots,
        gates=was.gates,
        frames=was.frames,
        history=was.history,
        no_inputs=was.no_inputs,
        no_matches=was.no_matches,
        page=was.page,
        turns=was.turns,
        last_step=was.last_step,
        reason=was.reason,
        intent=was.intent,
        retried=was.retried,
        visits=was.visits,
        expires_at=0,
    )
    made.__class__ = Session
    session: Session = made
    wait = turn.wait
    assert isinstance(wait, Perform)  # noqa: S101 - no other turn is remembered
    asks = _perform(
        wait.operation,
        wait.arguments,
        f"{trigger.session_id}:{was.turns}",
        wait.limit_s,
        wait.filler,
        wait.filler_after_s,
    )
    return session, _turn(turn.effects, asks, turn.trail)


def _interned(trail: list[Mark]) -> tuple[Mark, ...]:
    """Answer a trail as a tuple, the same one for the same marks: whoever counts them knows it by its identity."""
    marks = tuple(trail)
    key = tuple(map(id, marks))  # a tuple that is kept keeps its marks, so that no other mark has their ids
    known = _trails.get(key)
    if known is None:
        if len(_trails) >= MAX_TRAILS:
            _trails.clear()
        known = _trails[key] = marks
    return known


_trails: dict[tuple[int, ...], tuple[Mark, ...]] = {}


def _steps_on(flow: Flow, channel: Channel) -> dict[str, tuple[Step, tuple[str, ...], bool] | None]:
    """Answer each step, the gates that it needs on ``channel``, and whether its visits count; None where it never runs.

    All that walking needs of a step is looked up at once: a turn walks through several.
    """
    found: dict[str, tuple[Step, tuple[str, ...], bool] | None] = {}
    for name, step in flow.steps.items():
        counted = any(saying.by_visit for saying in step.sayings())
        found[name] = (step, step.needs.get(channel, ()), counted) if channel in step.channels else None
    return found
