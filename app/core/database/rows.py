"""Names for SQLAlchemy's statements and rows, whose column types differ from statement to statement; locking reads."""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from app.core.database.engine import Row

DbRow = sa.Row[*tuple[Any, ...]]
Query = sa.Select[*tuple[Any, ...]]
Expression = sa.ColumnElement[Any]
StoredColumn = sa.Column[Any]
Model = TypeVar("Model", bound=Row)


def locked_row(session: Session, model: type[Model], number: int) -> Model | None:
    """Lock a row until the transaction ends and return it as it is then; None if there is none. A lock alone is not
    enough: what the session read before it waited would stay as it was."""
    session.flush()
    return session.get(model, number, with_for_update=True, populate_existing=True)
