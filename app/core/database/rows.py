"""Names for SQLAlchemy's statements and rows, whose column types differ from statement to statement; locking reads."""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from app.core.database.engine import Row, only_reads

_Cells = tuple[Any, ...]
DbRow = sa.Row[*_Cells]
Query = sa.Select[*_Cells]
QueryStack = sa.CompoundSelect[*_Cells]
Expression = sa.ColumnElement[Any]
StoredColumn = sa.Column[Any]
Model = TypeVar("Model", bound=Row)


def locked_row(session: Session, model: type[Model], number: int) -> Model | None:
    """Lock a row until the transaction ends and return it as it is then; None if there is none. A lock alone is not
    enough: what the session read before it waited would stay as it was. A session that only reads locks nothing: a
    page that asks whether an act would be possible waits for nobody."""
    session.flush()
    lock = None if only_reads(session) else True
    return session.get(model, number, with_for_update=lock, populate_existing=True)
