"""The case that a path names."""

from __future__ import annotations

from sqlmodel import Session

from app.api.fields import case_id_of
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.core.ids import id_of
from app.core.timeline.service import lock_customers


def case_named(session: Session, reference: str, *, lock: bool = False) -> CollectionsCase:
    """The case; with `lock`, its customer is locked first, so that decisions about one customer queue up."""
    case = get_case(session, case_id_of(reference))
    if not lock:
        return case
    lock_customers(session, [case.customer_id])
    return get_case(session, id_of(case), lock=True)
