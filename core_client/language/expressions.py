"""Expressions: names, comparisons, arithmetic, and/or/not and a few named functions; nothing else.

Parsed by Python's own parser, checked node by node against a whitelist and type by type against the names that the
place knows, then turned into closures. There are no loops, calls of methods, powers or subscripts, so the cost of one
evaluation is bounded by its size, which is bounded too.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any, Protocol, TypeAlias

from core_client.language import types as t
from core_client.language.errors import EvaluationError, ExpressionError, NoValueError
from core_client.language.source import Place
from core_client.language.suggest import did_you_mean
from core_client.language.types import ExprType, Function

MAX_LENGTH = 300  # characters; three conditions on one line take 120
MAX_NODES = 80
MAX_DEPTH = 20
MAX_DIGITS = 18  # of a number that is written out, and of what arithmetic answers
MAX_NUMBER = 10**MAX_DIGITS

_ALLOWED = re.compile(r"[\w\s.,()<>=!+\-*/\"':\[\]一-鿿]*")
_PATH = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*", re.ASCII)
_WORDS = frozenset((*keyword.kwlist, "true", "false"))  # no names, wherever they stand
_FAILURES = (ArithmeticError, DecimalException, TypeError, ValueError, KeyError, AttributeError)
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: Decimal(a) / Decimal(b),
}


class Scope(Protocol):
    """Where values come from: answers None for a name that has none yet."""

    def get(self, name: str, /) -> Any:
        """Answer the value of ``name``, or None."""
        ...


Closure: TypeAlias = Callable[[Scope], Any]
Decider: TypeAlias = Callable[[Scope], "bool | None"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression, ready to be evaluated any number of times."""

    text: str
    type: ExprType
    names: frozenset[str]
    needs: tuple[tuple[str, int], ...]  # names that must have a value, and the columns where they are first read
    _run: Closure
    _decide: Decider
    _proves: Mapping[bool, frozenset[str]]
    place: Place | None = None  # where its text begins

    def reads(self) -> tuple[tuple[str, Place], ...]:
        """Answer the names that must have a value before, and where they are read. ``known(x)`` reads nothing."""
        at = self.place
        if at is None:
            return ()
        line, begin, file = at
        return tuple([(name, Place(line, begin + column, file) if column else at) for name, column in self.needs])

    def proves(self, outcome: bool) -> frozenset[str]:
        """Answer the names that surely have a value when this condition turned out as ``outcome``."""
        return self._proves[outcome]

    def decide(self, known: Scope) -> bool | None:
        """Answer a condition as far as ``known`` names settle it: None when they do not, or when it fails on them."""
        try:
            return self._decide(known)
        except (EvaluationError, *_FAILURES):
            return None

    def evaluate(self, scope: Scope) -> Any:
        """Answer its value.

        Raises:
            EvaluationError: a name has no value yet, two currencies met, or a division by zero.
        """
        try:
            return self._run(scope)
        except _FAILURES as problem:
            # Of the expression only, never of the values: those may be a customer's.
            raise EvaluationError(f"'{self.text}' cannot be worked out: {type(problem).__name__}") from None

    def evaluate_or_none(self, scope: Scope) -> Any:
        """Answer its value, or None when a name in it, or a part of one that it needs, has none."""
        for name in self.names:
            if scope.get(name) is None:
                return None
        try:
            return self.evaluate(scope)
        except NoValueError:
            return None


@dataclass(frozen=True, slots=True)
class _Known:
    """The names that must have a value, and those that surely have one when a condition is true, or false."""

    needs: frozenset[str]
    when_true: frozenset[str]
    when_false: frozenset[str]


def compile_expression(
    text: str,
    names: Mapping[str, ExprType],
    functions: Mapping[str, Function] | None = None,
    place: Place | None = None,
) -> Expression:
    """Check ``text``, which begins at ``place``, against ``names`` and ``functions`` and make it ready.

    Raises:
        ExpressionError: with the column where it goes wrong.
    """
    return _Compiler(text, names, functions or {}).compile(place)


class _Compiler:
    def __init__(self, text: str, names: Mapping[str, ExprType], functions: Mapping[str, Function]) -> None:
        self._text = text
        self._names = names
        self._functions = functions
        self._used: dict[str, int] = {}  # each name, and the column where it first stands
        self._parts: dict[ast.BoolOp, list[Closure]] = {}  # of each and, each or
        self._count = 0

    def compile(self, place: Place | None) -> Expression:
        if _PATH.fullmatch(self._text) is not None and (path := self._path(place)) is not None:
            return path
        tree = self._parse()
        type_, run = self._node(tree, 0)
        names = frozenset(self._used)
        decide = self._decider(tree, run) if isinstance(tree, ast.BoolOp) else _deciding(names, run)
        if "known" in self._text:
            flow = self._known(tree)
            needs = tuple((name, self._used[name]) for name in self._used if name in flow.needs)
            proves = {True: flow.when_true, False: flow.when_false}
        else:
            needs, proves = tuple(self._used.items()), {True: names, False: names}
        return Expression(self._text, type_, names, needs, run, decide, proves, place)

    def _path(self, place: Place | None) -> Expression | None:
        """Read a bare name and its parts, the commonest expression, without a parser; None where that is not enough."""
        text = self._text
        name, *parts = text.split(".")
        type_ = self._names.get(name)
        if type_ is None or name in _WORDS or len(parts) > MAX_DEPTH:
            return None
        run = self._reading(name)
        for part in parts:
            found = type_.fields.get(part) if type_.name == t.RECORD else None
            if found is None or part in _WORDS:
                return None
            type_, run = found, self._part(run, part)
        names = frozenset((name,))
        decide = _deciding(names, run)
        return Expression(text, type_, names, ((name, 0),), run, decide, {True: names, False: names}, place)

    def _parse(self) -> ast.expr:
        text = self._text
        if len(text) > MAX_LENGTH:
            raise ExpressionError(MAX_LENGTH, f"an expression longer than {MAX_LENGTH} characters", "Split it.")
        if not text.strip():
            raise ExpressionError(0, "an expression is missing here")
        if (odd := _ALLOWED.match(text)) is not None and odd.end() < len(text):
            raise ExpressionError(odd.end(), f"'{text[odd.end()]}' has no place in an expression")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # Python sees a one-line text in brackets, so that a line break inside is no end.
                return ast.parse(text.replace("\n", " ").strip(), mode="eval").body
        except SyntaxError as problem:
            column = problem.offset - 1 if problem.offset else len(text)  # none: something is missing at the end
            hint = "Compare with ==." if re.search(r"(?<![=!<>])=(?!=)", text) else ""
            raise ExpressionError(column, "this expression cannot be read", hint) from None
        except (ValueError, RecursionError, MemoryError):
            raise ExpressionError(0, "this expression cannot be read") from None

    def _decider(self, node: ast.expr, run: Closure) -> Decider:
        if isinstance(node, ast.BoolOp):
            deciders = [self._decider(part, run) for part, run in zip(node.values, self._parts[node], strict=True)]
            settling = isinstance(node.op, ast.Or)
            return lambda known: _joined([decide(known) for decide in deciders], settling=settling)
        return _deciding(self._names_in(node), run)

    def _known(self, node: ast.expr) -> _Known:
        """Follow which names are read at all, as ``and`` and ``or`` leave off at the first part that settles them."""
        match node:
            case ast.BoolOp():
                parts = [self._known(part) for part in node.values]
                needs: frozenset[str] = frozenset()
                before: frozenset[str] = frozenset()
                both = isinstance(node.op, ast.And)
                for part in parts:
                    needs |= part.needs - before
                    before |= part.when_true if both else part.when_false
                either = frozenset.intersection(*(part.when_false if both else part.when_true for part in parts))
                either |= parts[0].needs
                return _Known(needs, before if both else either, either if both else before)
            case ast.UnaryOp(op=ast.Not()):
                inner = self._known(node.operand)
                return _Known(inner.needs, inner.when_false, inner.when_true)
            case ast.Call(func=ast.Name(id=name)) if self._functions[name].lazy:
                names = self._names_in(node)
                return _Known(frozenset(), names, frozenset())
            case _:
                inside = [self._known(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
                needed = frozenset().union(*(part.needs for part in inside))
                if isinstance(node, ast.Name) and node.id in self._used:
                    needed |= {node.id}
                return _Known(needed, needed, needed)

    def _names_in(self, node: ast.expr) -> frozenset[str]:
        return frozenset(part.id for part in ast.walk(node) if isinstance(part, ast.Name) and part.id in self._used)

    def _node(self, node: ast.expr, depth: int) -> tuple[ExprType, Closure]:
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_NODES:
            raise self._wrong(node, "this expression is too large", "Split it over several steps.")
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.Attribute():
                return self._attribute(node, depth)
            case ast.BoolOp():
                return self._bool(node, depth)
            case ast.UnaryOp():
                return self._unary(node, depth)
            case ast.BinOp():
                return self._binary(node, depth)
            case ast.Compare():
                return self._compare(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case _:
                raise self._wrong(
                    node,
                    "this has no place in an expression",
                    "Names, comparisons, + - * /, and, or, not, and named functions may stand here.",
                )

    def _constant(self, node: ast.Constant) -> tuple[ExprType, Closure]:
        value: object = node.value
        if isinstance(value, str):
            return ExprType(t.TEXT, literal=value), lambda _: value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(node, "this has no place in an expression", "Write true or false in lower case.")
        written = ast.get_source_segment(self._text.strip(), node) or str(value)
        if len(written) > MAX_DIGITS or not re.fullmatch(r"\d+(\.\d+)?", written):
            raise self._wrong(node, "a number is written as 12 or 0.5, with at most 18 digits")
        number: int | Decimal = int(written) if written.isdigit() else Decimal(written)
        return t.number, lambda _: number

    def _name(self, node: ast.Name) -> tuple[ExprType, Closure]:
        name = node.id
        if name in ("true", "false"):
            value = name == "true"
            return t.flag, lambda _: value
        if name not in self._names:
            raise self._wrong(node, f"unknown name '{name}'", lambda: did_you_mean(name, self._names))
        if name not in self._used:
            self._used[name] = self._column(node)
        return self._names[name], self._reading(name)

    def _reading(self, name: str) -> Closure:
        text = self._text

        def read(scope: Scope) -> Any:
            found = scope.get(name)
            if found is None:
                raise NoValueError(f"'{name}' has no value yet in '{text}'")
            return found

        return read

    def _attribute(self, node: ast.Attribute, depth: int) -> tuple[ExprType, Closure]:
        owner, read = self._node(node.value, depth + 1)
        field = node.attr
        if owner.name != t.RECORD:
            raise self._wrong(node, f"'{ast.unparse(node.value)}' is {owner}: it has no parts")
        if field not in owner.fields:
            hint = did_you_mean(field, owner.fields) or f"It has: {', '.join(sorted(owner.fields))}."
            raise self._wrong(node, f"'{ast.unparse(node.value)}' has no '{field}'", hint)
        return owner.fields[field], self._part(read, field)

    def _part(self, read: Closure, field: str) -> Closure:
        text = self._text

        def part(scope: Scope) -> Any:
            found = read(scope).get(field)
            if found is None:
                raise NoValueError(f"'{field}' has no value in '{text}'")
            return found

        return part

    def _bool(self, node: ast.BoolOp, depth: int) -> tuple[ExprType, Closure]:
        parts = self._parts[node] = [self._flag(value, depth) for value in node.values]
        if isinstance(node.op, ast.And):
            return t.flag, lambda scope: all(part(scope) for part in parts)
        return t.flag, lambda scope: any(part(scope) for part in parts)

    def _flag(self, node: ast.expr, depth: int) -> Closure:
        type_, run = self._node(node, depth + 1)
        if type_.name != t.FLAG:
            raise self._wrong(node, f"this is {type_}; a condition is needed", "Compare it with something.")
        return run

    def _unary(self, node: ast.UnaryOp, depth: int) -> tuple[ExprType, Closure]:
        if isinstance(node.op, ast.Not):
            run = self._flag(node.operand, depth)
            return t.flag, lambda scope: not run(scope)
        type_, value = self._node(node.operand, depth + 1)
        if isinstance(node.op, ast.USub) and type_.name in (t.NUMBER, t.MONEY):
            return type_, lambda scope: -value(scope)
        raise self._wrong(node, f"this cannot be done to {type_}")

    def _binary(self, node: ast.BinOp, depth: int) -> tuple[ExprType, Closure]:
        work = _ARITHMETIC.get(type(node.op))
        if work is None:
            raise self._wrong(node, "only + - * / can stand between two values")
        left, a = self._node(node.left, depth + 1)
        right, b = self._node(node.right, depth + 1)
        type_ = self._arithmetic_type(node, left, right)
        if type_.name == t.MONEY:
            return type_, lambda scope: work(a(scope), b(scope))  # money has its own bound
        text = self._text

        def number(scope: Scope) -> Any:
            found = work(a(scope), b(scope))
            if not -MAX_NUMBER < found < MAX_NUMBER:
                raise EvaluationError(f"'{text}' has more than {MAX_DIGITS} digits")
            return found

        return type_, number

    def _arithmetic_type(self, node: ast.BinOp, left: ExprType, right: ExprType) -> ExprType:
        names = (left.name, right.name)
        if names == (t.NUMBER, t.NUMBER):
            return t.number
        if names == (t.MONEY, t.MONEY) and isinstance(node.op, ast.Add | ast.Sub):
            self._same_currency(node, left, right)
            return left if left.currency else right
        raise self._wrong(node, f"{left} and {right} cannot be combined this way")

    def _compare(self, node: ast.Compare, depth: int) -> tuple[ExprType, Closure]:
        if len(node.ops) != 1:
            raise self._wrong(node, "one comparison at a time", "Join two with 'and'.")
        left, a = self._node(node.left, depth + 1)
        operator, other = node.ops[0], node.comparators[0]
        if isinstance(operator, ast.In | ast.NotIn):
            return self._among(node, left, a, other, isinstance(operator, ast.In), depth)
        work = _COMPARE.get(type(operator))
        if work is None:
            raise self._wrong(node, "values are compared with == != < <= > >= or in")
        right, b = self._node(other, depth + 1)
        self._comparable(node, left, right, ordered=not isinstance(operator, ast.Eq | ast.NotEq))
        return t.flag, lambda scope: work(a(scope), b(scope))

    def _among(
        self, node: ast.Compare, left: ExprType, a: Closure, other: ast.expr, wanted: bool, depth: int
    ) -> tuple[ExprType, Closure]:
        if not isinstance(other, ast.Tuple | ast.List) or not other.elts:
            raise self._wrong(other, "after 'in' stands a list", 'As in: reason in ("card_unknown", "not_permitted")')
        values = []
        for element in other.elts:
            type_, run = self._node(element, depth + 1)
            self._comparable(node, left, type_, ordered=False)
            values.append(run)
        return t.flag, lambda scope: any(a(scope) == value(scope) for value in values) is wanted

    def _comparable(self, node: ast.Compare, left: ExprType, right: ExprType, *, ordered: bool) -> None:
        if t.SECRET in (left.name, right.name):
            raise self._wrong(node, "a secret cannot be compared", "Only a bank operation may look at it.")
        if left.name in (t.RECORD, t.LIST) or right.name in (t.RECORD, t.LIST):
            raise self._wrong(node, f"{left} and {right} cannot be compared", "Compare one of its parts.")
        if left.textual and right.textual:
            if ordered:
                raise self._wrong(node, "texts have no order", "Compare them with == or !=.")
            if left.name != right.name and t.TEXT not in (left.name, right.name):
                raise self._wrong(node, f"{left} is never equal to {right}")
            self._possible(node, left, right.literal)
            self._possible(node, right, left.literal)
        elif left.name != right.name:
            raise self._wrong(node, f"{left} and {right} cannot be compared")
        elif left.name == t.MONEY:
            self._same_currency(node, left, right)
        elif ordered and left.name == t.FLAG:
            raise self._wrong(node, "flags have no order")

    def _possible(self, node: ast.Compare, type_: ExprType, literal: str | None) -> None:
        if literal is None or not type_.choices or literal in type_.choices:
            return
        hint = did_you_mean(literal, type_.choices) or f"It can be: {', '.join(type_.choices[:8])}."
        raise self._wrong(node, f"'{literal}' is no {type_}", hint)

    def _same_currency(self, node: ast.expr, left: ExprType, right: ExprType) -> None:
        if left.currency and right.currency and left.currency != right.currency:
            raise self._wrong(node, f"{left.currency} and {right.currency} do not mix")

    def _call(self, node: ast.Call, depth: int) -> tuple[ExprType, Closure]:
        if not isinstance(node.func, ast.Name):
            raise self._wrong(node, "only named functions can be called")
        function = self._functions.get(node.func.id)
        if function is None:
            hint = did_you_mean(node.func.id, self._functions) or f"There are: {', '.join(sorted(self._functions))}."
            raise self._wrong(node, f"unknown function '{node.func.id}'", hint)
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            raise self._wrong(node, f"{function.name}() takes plain values only")
        parts = [self._node(arg, depth + 1) for arg in node.args]
        result = function.check(tuple(type_ for type_, _ in parts))
        if isinstance(result, str):
            raise self._wrong(node, f"{function.name}() {result}")
        runs = [run for _, run in parts]
        work = function.call
        if function.lazy:
            return result, lambda scope: work(*(_present(run, scope) for run in runs))
        if len(runs) == 1:
            only = runs[0]
            return result, lambda scope: work(only(scope))
        return result, lambda scope: work(*(run(scope) for run in runs))

    def _wrong(self, node: ast.AST, message: str, hint: str | Callable[[], str] = "") -> ExpressionError:
        return ExpressionError(self._column(node), message, hint)

    def _column(self, node: ast.AST) -> int:
        """Answer where ``node`` begins in the text, in characters."""
        lead = len(self._text) - len(self._text.lstrip())
        # ast counts bytes of UTF-8.
        offset = getattr(node, "col_offset", 0)
        if isinstance(node, ast.Attribute):  # the part is wrong, not its owner
            offset = (node.end_col_offset or offset) - len(node.attr.encode())
        if self._text.isascii():
            return lead + offset
        before = self._text.strip().encode()[:offset]
        return lead + len(before.decode(errors="replace"))


def _deciding(names: frozenset[str], run: Closure) -> Decider:
    return lambda known: None if any(known.get(name) is None for name in names) else bool(run(known))


def _joined(parts: list[bool | None], *, settling: bool) -> bool | None:
    """Join what is known: one ``settling`` part settles it, an unknown one leaves it open."""
    if settling in parts:
        return settling
    return None if None in parts else not settling


def _present(run: Closure, scope: Scope) -> bool:
    try:
        return run(scope) is not None
    except EvaluationError:
        return False
