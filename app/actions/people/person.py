"""A customer's name, language and time zone, as they told them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from app.actions.preferences import choose_language
from app.book.customers.service import change_contact
from app.book.ledger.models import Customer
from app.core.actor import Actor


def change_person(
    session: Session,
    customer: Customer,
    changes: Mapping[str, str],
    reason: str,
    *,
    language_chosen: bool = False,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> dict[str, str]:
    """Change contact data; returns the changes in the form that is stored. Invalid names the wrong field.

    `language_chosen`: the customer asked for this language, so no file changes it back. Without it, a file does as soon
    as it says something else than it said then.
    """
    changed = change_contact(session, customer, changes, reason, case_id=case_id, by=by, now=now)
    if language_chosen and not customer.language_chosen:
        choose_language(session, customer, customer.language, by=by, now=now)
    return changed
