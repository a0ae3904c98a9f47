"""Statements written with SQLAlchemy Core, compiled once per database, run on the driver's own connection.

SQLAlchemy's execution costs 60 µs a statement where SQLite itself needs 5 (measured on the build machine); a call makes
a dozen. The SQL is still Core's, for both databases; only its cursor is passed by. Rows are plain tuples.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import ARRAY, ClauseElement, Connection, FromClause, Table, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect

Row: TypeAlias = tuple[Any, ...]


class Statement:
    """One Core statement with named parameters; ``postgresql`` where Core spells it differently there."""

    __slots__ = ("_clause", "_compiled", "_postgresql")

    def __init__(self, clause: ClauseElement, postgresql: ClauseElement | None = None) -> None:
        self._clause = clause
        self._postgresql = clause if postgresql is None else postgresql
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def for_dialect(self, dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        """Answer the SQL, the order of its parameters when they go by place, and the values it brings itself."""
        found = self._compiled.get(dialect.name)
        if found is None:
            clause = self._postgresql if dialect.name == "postgresql" else self._clause
            compiled = clause.compile(dialect=dialect)
            places = getattr(compiled, "positiontup", None)
            own = {name: value for name, value in compiled.params.items() if value is not None}
            found = (str(compiled), tuple(places) if places is not None else None, own)
            self._compiled[dialect.name] = found
        return found


class Tx:
    """An open transaction, as a store's work sees it."""

    __slots__ = ("_dialect", "_driver", "connection")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._dialect = connection.dialect
        self._driver: Any = connection.connection.dbapi_connection

    def run(self, statement: Statement, **values: Any) -> int:
        """Carry a change out; answer how many rows it touched."""
        touched: int = self._cursor(statement, values).rowcount
        return touched

    def one(self, statement: Statement, **values: Any) -> Row | None:
        """Answer the first row, or None."""
        cursor = self._cursor(statement, values)
        row: Row | None = cursor.fetchone()
        return row

    def all(self, statement: Statement, **values: Any) -> Sequence[Row]:
        """Answer every row."""
        rows: Sequence[Row] = self._cursor(statement, values).fetchall()
        return rows

    def many(self, statement: Statement, keys: Sequence[str | int]) -> Sequence[Sequence[Any]]:
        """Answer the rows of all ``keys`` at once, in no order. ``statement`` is one of :func:`many`."""
        if self._dialect.name == "postgresql":
            return self.all(statement, keys=list(keys))
        row = self.one(statement, keys=json.dumps(keys))
        rows: Sequence[Sequence[Any]] = json.loads(row[0]) if row is not None else ()
        return rows

    def control(self, sql: str) -> None:
        """BEGIN, COMMIT, SAVEPOINT and their kind."""
        self._driver.execute(sql)

    def _cursor(self, statement: Statement, values: dict[str, Any]) -> Any:
        sql, places, own = statement.for_dialect(self._dialect)
        given = {**own, **values} if own else values
        if places is None:
            return self._driver.execute(sql, given)
        return self._driver.execute(sql, tuple(given[place] for place in places))


def many(columns: Sequence[Any], key: Any, source: FromClause) -> Statement:
    """Answer the select of ``columns`` of ``source`` whose ``key`` is among many; see :meth:`Tx.many`.

    SQLite answers all rows as one text: its driver lets go of the interpreter at every row that it steps to, and on a
    busy node each time costs a wait to get it back.
    """
    rows = func.json_group_array(func.json_array(*columns))
    keys = select(func.json_each(bindparam("keys")).table_valued("value").c.value)
    return Statement(
        select(rows).select_from(source).where(key.in_(keys)),
        select(*columns).select_from(source).where(key == any_(bindparam("keys", type_=ARRAY(key.type)))),
    )


def insert_ignoring(table: Table, key: str) -> Statement:
    """Answer the insert that does nothing when ``key`` is there already."""
    return Statement(
        sqlite.insert(table).on_conflict_do_nothing(index_elements=[key]),
        postgresql.insert(table).on_conflict_do_nothing(index_elements=[key]),
    )
