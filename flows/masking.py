"""What people are shown of the answer to a question with ``mask: true``: its last four digits, ``****0001``.

People are agents who take over a call, staff who call back, and whoever plays a flow by hand. The bank's operations get
the whole value, but for words that staff read, and the party hears what the flow says to them. What a ``set`` works out
of a masked value is masked too.
"""

from __future__ import annotations

import datetime

from core_client.domain.money import Money
from core_client.domain.values import Value
from core_client.language import types as t
from core_client.language.expressions import Expression
from core_client.operations import Type
from flows.model import Flow

MASK = "****"
SHOWN = 4  # characters at the end: enough to tell one number from another, and what a receipt prints
MASKABLE = frozenset({Type.ACCOUNT, Type.DIGITS, Type.NUMBER, Type.PAYEE, Type.PHONE, Type.TEXT})

READ_BY_PEOPLE = frozenset({("service.request_callback", "about")})  # parameters of operations that only staff read


def masked(value: Value) -> str:
    """Answer ``value`` as people see it. What is no longer than what would be left is not shown at all."""
    text = "".join(str(value).split())
    return MASK + (text[-SHOWN:] if len(text) > SHOWN else "")


def told(flow: Flow, expression: Expression, value: Value) -> Value:
    """Answer the value of ``expression`` as people see it: masked when a masked variable stands in it.

    Conditions are told whole, and so are amounts and dates, which have no mask.
    """
    if isinstance(value, bool | Money | datetime.date) or not expression.names & flow.masked:
        return value
    return masked(value)


def argument(flow: Flow, operation: str, parameter: str, expression: Expression, value: Value) -> Value:
    """Answer the value of ``expression`` as a bank operation gets it."""
    return told(flow, expression, value) if (operation, parameter) in READ_BY_PEOPLE else value


def told_variable(flow: Flow, name: str, value: Value) -> Value:
    """Answer the value of variable ``name`` as people see it."""
    return masked(value) if name in flow.masked else value


def masked_of(flow: Flow) -> frozenset[str]:
    """Answer the names of a flow that hold masked values, through however many steps they were handed on."""
    found: frozenset[str] = frozenset()
    while True:
        more = found.union(*(step.masks(found) for step in flow.steps.values()))
        if more == found:
            return found
        found = more


def keeps_mask(expression: Expression, names: frozenset[str]) -> bool:
    """Answer whether what ``expression`` works out of ``names``, which are masked, is masked too."""
    return bool(expression.names & names) and expression.type.name not in (t.FLAG, t.MONEY, t.DATE)
