"""Several small reads sent as one statement: a page that shows many things about one customer asks once.

Each read becomes one column of a single row: its rows as JSON. The statement is compiled once a dialect and kept, so a
request pays for neither building nor compiling it.

    READS = Reads()
    HOLDS = READS.all(CaseHold, CaseHold.customer_id == CUSTOMER)
    found = READS.fetch(session, customer_id=7)
    found[HOLDS]   # list[CaseHold], not attached to the session
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy.orm import attributes
from sqlmodel import Session, SQLModel

from app.core.database.engine import UtcDateTime, table_of

T = TypeVar("T")
M = TypeVar("M", bound=SQLModel)
Cell = Callable[[Any], object]


@dataclass(frozen=True, eq=False)
class Part(Generic[T]):
    """One of the reads, and how its rows become objects."""

    query: sa.Select[Any]
    cells: Sequence[tuple[int, Cell]]
    """Columns whose JSON is not their value, and how to read them."""
    make: Callable[[list[Any]], T]


@dataclass
class Found:
    """The rows of each read."""

    texts: dict[Part[Any], str]
    made: dict[Part[Any], list[Any]] = field(default_factory=dict)

    def __getitem__(self, part: Part[T]) -> list[T]:
        if part not in self.made:
            rows = from_json(self.texts[part]) if self.texts[part] else []
            for row in rows:
                for index, cell in part.cells:
                    if row[index] is not None:
                        row[index] = cell(row[index])
            self.made[part] = [part.make(row) for row in rows]
        return self.made[part]


@dataclass(frozen=True)
class _Compiled:
    """The statement of some reads for one database."""

    text: str
    given: Mapping[str, Cell | None]
    """Each parameter, and how the driver takes it; None = as it is."""
    order: Sequence[str] | None
    """The parameters by position, where the driver has no names."""

    def values(self, given: Mapping[str, object]) -> Any:
        values = {name: cell(given[name]) if cell else given[name] for name, cell in self.given.items()}
        return values if self.order is None else tuple(values[name] for name in self.order)


class Reads:
    """Reads that are sent together. Their parameters are named `bindparam`s without a value."""

    def __init__(self) -> None:
        self.parts: list[Part[Any]] = []
        self.compiled: dict[str, _Compiled] = {}

    def rows(self, query: sa.Select[Any]) -> Part[Any]:
        """Rows of some columns, as named tuples."""
        columns = list(query.subquery().c)
        kind = namedtuple("Row", [column.key for column in columns], rename=True)  # type: ignore[misc] # noqa: PYI024
        return self._add(query, columns, kind._make)

    def all(
        self,
        model: type[M],
        *where: sa.ColumnElement[bool],
        order_by: object = None,
        limit: int | None = None,
    ) -> Part[M]:
        """Whole rows of a table, as objects of its model that belong to no session."""
        query: sa.Select[Any] = sa.select(*table_of(model).c).where(*where)
        if order_by is not None:
            query = query.order_by(cast("sa.ColumnElement[Any]", order_by))
        return self.whole(model, query.limit(limit))

    def whole(self, model: type[M], query: sa.Select[Any]) -> Part[M]:
        """`all` of a query that selects every column of the model's table, in order, perhaps joined with others."""
        manager = attributes.manager_of_class(model)
        assert manager is not None
        names = [manager.mapper.get_property_by_column(column).key for column in table_of(model).c]

        def make(row: list[Any]) -> M:
            made = manager.new_instance()
            attributes.instance_dict(made).update(zip(names, row, strict=True))
            return made

        return self._add(query, list(table_of(model).c), make)

    def fetch(self, session: Session, **values: object) -> Found:
        """Run all reads as one statement. Changes that the session has not written yet count."""
        session.flush()
        connection = session.connection()
        compiled = self.compiled.get(connection.dialect.name)
        if compiled is None:
            compiled = self.compiled[connection.dialect.name] = _compile(self.parts, connection.dialect)
        row = _only_row(connection, compiled.text, compiled.values(values))
        return Found(dict(zip(self.parts, row, strict=True)))

    def joined(self, other: Reads) -> Reads:
        """Both as one: its rows are found by the parts of each."""
        both = Reads()
        both.parts = [*self.parts, *other.parts]
        return both

    def _add(self, query: sa.Select[Any], columns: Sequence[Any], make: Callable[[list[Any]], T]) -> Part[T]:
        cells = [(i, cell) for i, column in enumerate(columns) if (cell := _cell(column.type)) is not None]
        part = Part(query, cells, make)
        self.parts.append(part)
        return part


def _only_row(connection: sa.Connection, statement: str, values: Any) -> Any:
    """The one row of a statement, whose values need no conversion. SQLAlchemy would prepare itself for every kind of
    result, which costs as much again as the statement. Its listeners and its errors are as with `exec_driver_sql`."""
    cursor = connection.connection.cursor()
    try:
        for heard in connection.dispatch.before_cursor_execute:  # type: ignore[attr-defined]
            heard(connection, cursor, statement, values, None, False)
        cursor.execute(statement, values)
        row: Any = cursor.fetchone()
    except connection.dialect.loaded_dbapi.Error as error:
        lost = connection.dialect.is_disconnect(error, connection.connection.dbapi_connection, cursor)
        if lost:
            connection.invalidate(error)
        raise sa.exc.DBAPIError.instance(
            statement, values, error, connection.dialect.loaded_dbapi.Error, hide_parameters=True,
            connection_invalidated=lost, dialect=connection.dialect,
        ) from error  # fmt: skip
    finally:
        cursor.close()
    return row


def _compile(parts: Sequence[Part[Any]], dialect: sa.Dialect) -> _Compiled:
    statement = sa.select(*(_as_json(part.query, dialect.name) for part in parts))
    compiled = _with_constants(dialect.statement_compiler)(dialect, statement)
    cells = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect)
        for bind, name in compiled.bind_names.items()
    }
    return _Compiled(str(compiled), cells, compiled.positiontup if compiled.positional else None)


def _with_constants(compiler: Any) -> Any:
    """A compiler that writes constants into the statement, so that only what a request asks for is a parameter.

    SQLite would prepare the statement anew each time (1.5 ms) to see whether a constant that it is given as a parameter
    lets it use a partial index; PostgreSQL would not use that index once it has planned for any parameter.
    """

    class WithConstants(compiler):  # type: ignore[misc]
        def visit_bindparam(self, bindparam: sa.BindParameter[Any], **how: Any) -> str:
            how["literal_binds"] = not bindparam.required
            return str(super().visit_bindparam(bindparam, **how))

    return WithConstants


def _as_json(query: sa.Select[Any], dialect: str) -> sa.ColumnElement[str]:
    inner = query.subquery()
    if dialect == "postgresql":
        rows: sa.ColumnElement[Any] = sa.func.json_agg(sa.func.json_build_array(*inner.c))
    else:
        rows = sa.func.json_group_array(sa.func.json_array(*inner.c))
    return sa.select(sa.cast(rows, sa.Text)).select_from(inner).scalar_subquery()


def _cell(kind: sa.types.TypeEngine[Any]) -> Cell | None:
    """The reader of a column's JSON; None = it is the value already."""
    if isinstance(kind, UtcDateTime):
        return _instant
    if isinstance(kind, sa.Date):
        return date.fromisoformat
    if isinstance(kind, sa.Boolean):
        return bool
    if isinstance(kind, sa.Enum) and kind.enum_class is not None:
        return {member.value: member for member in kind.enum_class}.__getitem__
    return None


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
