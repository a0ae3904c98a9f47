"""The kinds of steps: one file each, with its shape, its building and its behaviour."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from core_client.language.source import Node, Pairs
from core_client.language.types import ExprType
from flows.model import Step
from flows.reading.build import Build
from flows.reading.shape import StepShape
from flows.steps.ask import AskShape, build_ask
from flows.steps.bank import BankShape, build_bank, learn_bank
from flows.steps.branch import IfShape, build_if
from flows.steps.call import CallShape, build_call
from flows.steps.callback import CallbackShape, build_callback, learn_callback
from flows.steps.choose import ChooseShape, build_choose, learn_choose
from flows.steps.confirm import ConfirmShape, build_confirm
from flows.steps.go import GoShape, build_go
from flows.steps.menu import MenuShape, build_menu
from flows.steps.notice import NoticeShape, build_notice
from flows.steps.record import RecordShape, build_record, learn_record
from flows.steps.say import SayShape, build_say
from flows.steps.schedule import ScheduleStepShape, build_schedule
from flows.steps.set import SetShape, build_set, learn_set
from flows.steps.split import SplitShape, build_split
from flows.steps.switch import SwitchShape, build_switch
from flows.steps.transfer import TransferShape, build_transfer

Learns: TypeAlias = "Callable[[Build, Pairs], Iterable[tuple[Node, ExprType]]]"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of step: the shape of its YAML, and what makes a step of it.

    ``learns`` answers the names that such a step gives a value, where they stand, and their types. It is asked before
    any step is built, for a YAML that may still be of the wrong shape.
    """

    shape: type[StepShape]
    build: Callable[..., Step]
    learns: Learns | None = None


# By the key that tells a step's kind. ``say`` comes last: other kinds may hang up or say something too one day.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "menu": Kind(MenuShape, build_menu),
        "ask": Kind(AskShape, build_ask),
        "choose": Kind(ChooseShape, build_choose, learn_choose),
        "confirm": Kind(ConfirmShape, build_confirm),
        "bank": Kind(BankShape, build_bank, learn_bank),
        "if": Kind(IfShape, build_if),
        "switch": Kind(SwitchShape, build_switch),
        "set": Kind(SetShape, build_set, learn_set),
        "split": Kind(SplitShape, build_split),
        "schedule": Kind(ScheduleStepShape, build_schedule),
        "notice": Kind(NoticeShape, build_notice),
        "record": Kind(RecordShape, build_record, learn_record),
        "callback": Kind(CallbackShape, build_callback, learn_callback),
        "call": Kind(CallShape, build_call),
        "go": Kind(GoShape, build_go),
        "transfer": Kind(TransferShape, build_transfer),
        "say": Kind(SayShape, build_say),
        "hangup": Kind(SayShape, build_say),
    }
)


def kind_of(keys: Mapping[str, Any]) -> tuple[str, ...]:
    """Answer the kinds that a step's keys claim: one, when all is well."""
    found = tuple([key for key in keys if key in KINDS])
    return ("say",) if len(found) == 2 and {*found} == {"hangup", "say"} else found
