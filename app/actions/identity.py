"""Put on record that the person on the telephone was asked who they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from app.casework.cases.events import IdentityChecked
from app.casework.cases.identity import IdentityQuestion
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.timeline.service import record


def confirm_identity(
    session: Session, case: CollectionsCase, asked: Sequence[IdentityQuestion], *, by: Actor, now: datetime
) -> None:
    """Record which questions were asked, never the answers. Invalid where none was: a name alone tells nobody apart."""
    if not asked:
        raise Invalid("Tick the questions that you asked. Their answers are not recorded.", "asked")
    record(session, about_case(case, IdentityChecked(tuple(dict.fromkeys(asked)))), by=by, now=now)
