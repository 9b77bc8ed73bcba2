"""Saved views of the worklist: a filter with a name, each person's or program's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.core.actor import Actor
from app.core.database.bulk import upsert
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import Invalid, NotFound
from app.core.staff.models import SavedView
from app.core.text import clean_text

MOST_VIEWS = 20


def views_of(session: Session, owner: Actor) -> Sequence[SavedView]:
    """The views of a person or program, by name."""
    query = select(SavedView).where(SavedView.owner == str(owner))
    return session.scalars(query.order_by(col(SavedView.name))).all()


def default_view(views: Sequence[SavedView]) -> SavedView | None:
    return next((view for view in views if view.is_default), None)


def save_view(
    session: Session, name: str, query: str, *, is_default: bool, by: Actor, now: datetime
) -> SavedView:
    """Keep a filter under a name; a view of this name is replaced, and one view is the default."""
    name = clean_text(name, "name", at_most=60)
    mine = views_of(session, by)
    view = next((each for each in mine if each.name == name), None)
    if view is None and len(mine) >= MOST_VIEWS:
        raise Invalid(f"You have {MOST_VIEWS} saved views. Delete one first.", "name")
    if is_default:
        _no_default(session, by)
    if view is None:
        view = _new_view(session, name, by=by, now=now)
    view.query, view.is_default = query[:700], is_default
    session.add(view)
    session.flush()
    return view


def _new_view(session: Session, name: str, *, by: Actor, now: datetime) -> SavedView:
    """A view of this name; the one that another window saved at the same moment."""
    row = {"owner": str(by), "name": name, "query": "", "is_default": False, "created_at": now}
    session.execute(upsert(session, SavedView).values(**row).on_conflict_do_nothing())
    made = select(SavedView).where(SavedView.owner == str(by), SavedView.name == name)
    return session.scalars(made.with_for_update()).one()


def delete_view(session: Session, view_id: int, *, by: Actor) -> None:
    view = locked_row(session, SavedView, view_id)
    if view is None or view.owner != str(by):
        raise NotFound(f"You have no saved view {view_id}. Choose one of your list.")
    session.delete(view)


def _no_default(session: Session, by: Actor) -> None:
    view = table_of(SavedView)
    session.execute(sa.update(view).where(view.c.owner == str(by)).values(is_default=False))
