"""Drafts: what a person typed into a form and has not sent, kept on the server so that a crash, another tab or an ended
session loses nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.core.database.bulk import upsert
from app.core.errors import Invalid
from app.core.staff.models import FormDraft
from app.core.text import refuse_card_number

DRAFT_KEPT = timedelta(days=14)
"""A draft may hold personal data: it is deleted after this, whoever still wants it."""
LARGEST = 32 * 1024
LONGEST_NAME = 60
NEVER_KEPT = frozenset({"csrf_token", "once", "seen", "sure", "password", "current", "new"})
"""Fields of a form that are no typed text, or a secret."""


def save_draft(
    session: Session, username: str, form: str, subject: str, fields: Mapping[str, str], *, now: datetime
) -> None:
    """Keep what is typed in place of what was kept before; an empty form keeps nothing. Invalid for a full card number,
    which is never stored, and for more than `LARGEST` characters."""
    purge_drafts(session, now=now)
    typed = {name: text.replace("\0", "") for name, text in fields.items() if name not in NEVER_KEPT and text}
    for name, text in {"form": form, "subject": subject, **typed}.items():
        refuse_card_number(text, name)
        refuse_card_number(name, "fields")
    kept = json.dumps(typed)
    if len(kept) > LARGEST or max(len(form), len(subject)) > LONGEST_NAME:
        raise Invalid("This is too long to be kept as a draft.")
    if not typed:
        return discard_draft(session, username, form, subject)
    values = {"username": username, "form": form, "subject": subject, "fields": kept, "saved_at": now}
    insert = upsert(session, FormDraft).values(values)
    changed = {"fields": kept, "saved_at": now}
    session.execute(
        insert.on_conflict_do_update(index_elements=["username", "form", "subject"], set_=changed)
    )
    return None


def draft_of(session: Session, username: str, form: str, subject: str) -> FormDraft | None:
    return session.get(FormDraft, (username, form, subject))


def drafts_about(session: Session, username: str, subject: str) -> Sequence[FormDraft]:
    """This person's drafts about one subject, the latest first."""
    query = select(FormDraft).where(FormDraft.username == username, FormDraft.subject == subject)
    return session.scalars(query.order_by(col(FormDraft.saved_at).desc()).limit(50)).all()


def typed_in(draft: FormDraft) -> dict[str, str]:
    """Field -> what was typed."""
    found: dict[str, str] = json.loads(draft.fields)
    return found


def discard_draft(session: Session, username: str, form: str, subject: str) -> None:
    theirs = sa.and_(
        col(FormDraft.username) == username, col(FormDraft.form) == form, col(FormDraft.subject) == subject
    )
    session.execute(sa.delete(FormDraft).where(theirs))


def purge_drafts(session: Session, *, now: datetime) -> None:
    """Delete every draft that is older than `DRAFT_KEPT`."""
    session.execute(sa.delete(FormDraft).where(col(FormDraft.saved_at) <= now - DRAFT_KEPT))
