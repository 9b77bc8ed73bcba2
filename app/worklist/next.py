"""The next case of a view: the first in turn that nobody else has open and that can be worked now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

from sqlmodel import Session

from app.casework.presence.queries import viewers_of
from app.core.database.bulk import chunked
from app.worklist.rules import Section, in_turn, is_offered
from app.worklist.verdicts import callable_now, customers_of

LOOK_AT = 300
"""Cases of a view among which the next one is looked for."""
AT_ONCE = 12


def next_case(
    session: Session,
    order: Sequence[int],
    sections: Mapping[int, Section],
    *,
    after: int | None,
    username: str,
    now: datetime,
) -> int | None:
    """The case to open after `after`; None = none of this view can be worked now. `order`: the cases of the view. A
    case whose callback is for later has left the turn: the most urgent one follows it."""
    order = [case_id for case_id in order if sections.get(case_id) is not Section.CALLBACK_LATER]
    for ids in chunked(islice(in_turn(order, after), LOOK_AT), AT_ONCE):
        taken = viewers_of(session, ids, now, but=username)
        customers = customers_of(session, ids)
        owing = {customer_id: owed for customer_id, owed in customers.values()}
        expecting = {
            customers[id_][0] for id_ in ids if id_ in customers and sections.get(id_) is Section.CALLBACK_DUE
        }
        verdicts = callable_now(session, list(owing), owing, now, expecting=expecting)
        for case_id in ids:
            if case_id in taken or case_id not in customers:
                continue
            answer = verdicts.get(customers[case_id][0])
            if answer is not None and is_offered(sections.get(case_id), answer.verdict):
                return case_id
    return None
