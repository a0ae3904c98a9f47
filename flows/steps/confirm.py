"""``confirm``: read back, then yes or no. On SMS, what moves money is confirmed by a code bound to its intent.

When "yes" leads to a step whose gate is passed ``by_code``, the code is the yes: it is issued for that step's own
intent, texted with the read-back, and checked before the step runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core_client.domain.values import SecretHandle, Value
from core_client.language.source import Pairs
from core_client.operations import Type
from flows import prompts
from flows.dialogue import (
    SECRET_LOST,
    AwaitText,
    Channel,
    DigitsReceived,
    End,
    OperationAnswered,
    Perform,
    Prompt,
    Resume,
    SaySecret,
    TextReceived,
    What,
)
from flows.engine.draft import Draft
from flows.inputs import plain_text
from flows.model import BACK, BY_CODE, REPEAT, Edge, Go, Step, Way
from flows.prompts import REFUSED_PREFIX
from flows.reading.build import Build
from flows.reading.shape import InputShape, Name, Says
from flows.saying import Saying
from flows.session import Waiting
from flows.steps.asking import Asking, build_asking, nothing_keyed, universal
from flows.steps.bank import Bank

YES_KEY, NO_KEY = "1", "2"
YES_WORDS = frozenset({"yes", "y", "ok", "confirm", "是", "是的", "确认", "确定", "好", "1"})
NO_WORDS = frozenset({"no", "n", "cancel", "否", "不", "不是", "取消", "2"})
CODE_EXPIRES_S = 600.0  # as long as the code itself lives
ISSUE_LIMIT_S = 8.0

ISSUE, VERIFY = "auth.issue_code", "auth.verify_code"


class ConfirmShape(InputShape):
    """Read back, then yes or no."""

    confirm: Says
    yes: Name
    no: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Step):
    """Read back, then yes or no."""

    kind: ClassVar[str] = "confirm"
    takes_input: ClassVar[bool] = True

    read_back: Saying
    yes: Edge
    no: Edge
    universal: Mapping[str, Edge]
    asking: Asking

    def enter(self, draft: Draft) -> Go:
        """Read back and ask."""
        draft.asked(self.name)
        money = self._needs_code(draft) if draft.sms else None
        return self._ask(draft) if money is None else self._issue(draft, money)

    def answer(self, draft: Draft, resume: Resume) -> Go:
        """Take the yes, the no, or the code."""
        state = draft.session.waiting
        if isinstance(resume, OperationAnswered):
            return self._issued(draft, resume) if state is Waiting.ISSUE else self._verified(draft, resume)
        if isinstance(resume, TextReceived):
            return self._coded(draft, resume) if state is Waiting.CODE else self._worded(draft, resume.text)
        nothing = nothing_keyed(resume)
        if nothing is None:
            if not isinstance(resume, DigitsReceived):
                return self.enter(draft)
            if resume.digits in (YES_KEY, NO_KEY):
                return self.yes if resume.digits == YES_KEY else self.no
            go = universal(draft, resume.digits)
            if go is not None:
                return go
            nothing = False
        return self._again(draft, nothing=nothing)

    def again(self, draft: Draft, resume: Resume) -> Go:
        """Check a code once more, under the same request; or ask anew."""
        if draft.session.waiting is Waiting.VERIFY and isinstance(resume, TextReceived) and resume.secret is not None:
            return self._verify(draft, resume.secret)
        return self.enter(draft)

    # --- asking ---

    def _ask(self, draft: Draft) -> Go:
        spoken = self.read_back.spoken(draft)
        draft.say_spoken([*spoken, (None, Prompt(prompts.CONFIRM_HOW))], barge_in=self.asking.barge_in)
        return AwaitText(draft.flow.text_timeout_s) if draft.sms else self.asking.keys(1, 1)

    def _again(self, draft: Draft, *, nothing: bool) -> Go:
        repeats = self.asking.missed(draft, nothing=nothing)
        if repeats is None:
            return self.asking.on_fail
        if repeats:
            return self._ask(draft)
        return AwaitText(draft.flow.text_timeout_s) if draft.sms else self.asking.keys(1, 1)

    def _worded(self, draft: Draft, text: str) -> Go:
        word = _word(text)
        if word in YES_WORDS:
            return self.yes
        return self.no if word in NO_WORDS else self._again(draft, nothing=False)

    # --- the code ---

    def _needs_code(self, draft: Draft) -> Bank | None:
        step = draft.flow.steps.get(self.yes.target)  # none: back to where a sub-flow was called
        if not isinstance(step, Bank):
            return None
        gates = (draft.flow.gates[name] for name in step.needs.get(Channel.SMS, ()))
        return step if any(gate.sms == BY_CODE for gate in gates) else None

    def _issue(self, draft: Draft, money: Bank) -> Go:
        intent = intent_of(money, draft)
        draft.intent = intent
        draft.waiting = Waiting.ISSUE
        return Perform(ISSUE, {"intent": intent}, draft.request_id, ISSUE_LIMIT_S)

    def _issued(self, draft: Draft, answered: OperationAnswered) -> Go:
        code = answered.answer.get("code")
        if answered.outcome != "ok" or not isinstance(code, SecretHandle):
            return self._failed(draft, answered)
        spoken = self.read_back.spoken(draft)
        draft.say_spoken([*spoken, (None, Prompt(prompts.SMS_CONFIRM_WITH_CODE)), (None, SaySecret(code))])
        return AwaitText(CODE_EXPIRES_S, code=True, secret=True)

    def _coded(self, draft: Draft, text: TextReceived) -> Go:
        if text.secret is not None:
            return self._verify(draft, text.secret)
        if _word(text.text) in NO_WORDS:
            draft.intent = None
            return self.no
        return self._wrong(draft)

    def _verify(self, draft: Draft, code: SecretHandle) -> Go:
        draft.waiting = Waiting.VERIFY
        return Perform(VERIFY, {"intent": draft.intent, "code": code}, draft.request_id, ISSUE_LIMIT_S)

    def _verified(self, draft: Draft, answered: OperationAnswered) -> Go:
        if answered.outcome == "ok":
            draft.intent = None
            draft.code_passed = True
            return self.yes
        if answered.outcome in ("refused", SECRET_LOST):
            return self._wrong(draft)
        return self._failed(draft, answered)

    def _wrong(self, draft: Draft) -> Go:
        draft.no_matches += 1
        draft.mark(What.NO_MATCH)
        if draft.no_matches > MAX_WRONG_CODES:
            return self.asking.on_fail
        draft.say_prompt(prompts.CODE_WRONG)
        return AwaitText(CODE_EXPIRES_S, code=True, secret=True)

    def _failed(self, draft: Draft, answered: OperationAnswered) -> End:
        match answered.outcome:
            case "locked":
                draft.say_prompt(prompts.CODE_LOCKED)
            case "expired":
                draft.say_prompt(prompts.CODE_EXPIRED)
            case "refused":
                draft.reason = answered.reason or "not_permitted"
                draft.say_prompt(REFUSED_PREFIX + draft.reason)
            case _:
                draft.say_prompt(prompts.TRY_LATER)
        return End(answered.outcome)

    # --- the graph ---

    def edges(self, channel: Channel) -> tuple[Edge, ...]:
        """See :class:`Step`."""
        if channel is Channel.SMS:
            return (self.yes, self.no, self.asking.on_fail)
        taken = (YES_KEY, NO_KEY)
        others = (e for key, e in self.universal.items() if key not in taken and e.target not in (BACK, REPEAT))
        return (self.yes, self.no, *others, self.asking.on_fail)

    def sayings(self) -> tuple[Saying, ...]:
        """See :class:`Step`."""
        return (self.read_back, *self.asking.sayings())


MAX_WRONG_CODES = 5  # the bank locks at five failures; this only bounds texts that are no codes at all


def _word(text: str) -> str:
    return plain_text(text).lower().rstrip(".!。 ")


def intent_of(money: Bank, draft: Draft) -> Value:
    """Answer the intent that ``money`` would carry out."""
    for name, field in money.operation.parameters.items():
        if field.type is Type.INTENT:
            found: Value = money.arguments[name].evaluate(draft)
            return found
    raise KeyError("intent")


def build_confirm(build: Build, shape: ConfirmShape, node: Pairs, common: dict[str, Any]) -> Confirm:
    """Make a confirmation of its YAML."""
    return Confirm(
        **common,
        read_back=build.saying(node.get("confirm")),
        yes=build.edge(node.entries["yes"], Way.YES),
        no=build.edge(node.entries["no"], Way.NO),
        universal=build.keys,
        asking=build_asking(build, shape, node),
    )
