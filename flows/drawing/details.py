"""Short words for a step and its ways out, as they stand in a picture."""

from __future__ import annotations

from flows.model import Edge, Step, Way
from flows.saying import Saying
from flows.steps.ask import Ask
from flows.steps.bank import Bank
from flows.steps.branch import If
from flows.steps.callback import Callback
from flows.steps.choose import Choose
from flows.steps.confirm import Confirm
from flows.steps.go import GoStep
from flows.steps.menu import Menu
from flows.steps.notice import Notice
from flows.steps.schedule import ScheduleStep
from flows.steps.set import Set
from flows.steps.split import Split
from flows.steps.switch import Switch
from flows.steps.transfer import Transfer

_WAYS = {
    Way.NEXT: "then",
    Way.YES: "yes",
    Way.NO: "no",
    Way.NONE: "nothing to choose",
    Way.FAILED: "gives up",
    Way.CALL: "calls",
}


def label_of(step: Step, edge: Edge) -> str:
    """Answer what stands at a way out: ``1 Balance``, ``refused``, ``short 20 %``."""
    if edge.way is Way.KEY and isinstance(step, Menu) and edge.word in step.choices:
        return f"{edge.word}  {step.choices[edge.word].label}".strip()
    if edge.way is Way.SHARE and isinstance(step, Split) and edge.word in step.shares:
        return f"{edge.word} {step.shares[edge.word][0]} %"
    return edge.word or _WAYS.get(edge.way, str(edge.way))


def detail_of(step: Step) -> str:
    """Answer what a step does, in one line."""
    match step:
        case Ask():
            digits = f"{step.low}" if step.low == step.high else f"{step.low}–{step.high}"
            end = f", ends with {step.end}" if step.end else ""
            return f"{step.variable.name}: {step.variable.type.value}, {digits} digits{end}"
        case Callback():
            return "the bank calls back"
        case Bank():
            return step.operation.name
        case If():
            return step.condition.text
        case Switch():
            return step.value.text
        case Set():
            return ", ".join(f"{name} = {value.text}" for name, value in step.values.items())
        case Split():
            return f"split {step.split}"
        case ScheduleStep():
            return step.schedule.name
        case Notice():
            return ", ".join(step.notices)
        case Transfer():
            return f"queue {step.queue}"
        case GoStep():
            return f"in {step.language}" if step.language else ""
        case Choose():
            return f"one of {step.items.text}"
        case Menu():
            return _says(step.prompt)
        case Confirm():
            return _says(step.read_back)
        case _:
            return _says(*step.sayings()[:1])


def _says(*sayings: Saying) -> str:
    return ", ".join(dict.fromkeys(id_ for saying in sayings for id_, _, _ in saying.prompts))
