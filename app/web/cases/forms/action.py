"""Send a form of a case's page: do it, or show the page again with what was typed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col
from starlette.requests import Request
from starlette.responses import Response

from app.core.bulk import upsert
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.staff.models import SentForm
from app.core.staff.rules import Staff
from app.http.formats import reader_locale
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.case_page import case_page
from app.web.forms import Fields, FormState, Typed, Wrong, beside
from app.web.rendering import Tone, redirect
from app.web.wording import Teller

FORM_KEPT = timedelta(days=1)
"""How long a form that was sent is known."""
Done = tuple[str, Tone]
"""What to say about an action that was taken."""


def attempt(
    request: Request,
    session: Session,
    staff: Staff,
    case_id: int,
    form: str,
    typed: Typed,
    act: Callable[[CaseFile, Fields], Done | Wrong],
    *,
    now: datetime,
    tab: str = "timeline",
    names: Mapping[str, str] | None = None,
) -> Response:
    """Do it, all or nothing; or show the page again with what was typed. `names` maps a verb's name of a field
    to the form's. A Wrong that is returned, not raised, leaves on record what was done until then."""
    file = open_case_file(session, case_id, now, lock=True)
    asks = ""
    try:
        with session.begin_nested():
            if sent_before(session, staff, request.url.path, typed.once, now=now):
                said = "This was saved already; it was not done a second time."
                return redirect(request, f"{file.path}?tab={tab}#content", said, "info")
            done = act(file, Fields(typed, file.book, file.zone, reader_locale(request)))
    except Wrong as wrong:
        errors, status, asks = dict(wrong.errors), 422, wrong.asks
    except (Invalid, Conflict, Forbidden) as refused:
        teller = Teller(reader_locale(request), file.book.currency, file.portfolio.timezone)
        errors = {name: teller.plain(text) for name, text in beside(refused, typed, names or {}).items()}
        status = 422 if "" not in errors else refused.status  # a field to mend
    else:
        if not isinstance(done, Wrong):
            return redirect(request, f"{file.path}?tab={tab}#content", *done)
        errors, status = dict(done.errors), 409
    shown = FormState(form, typed.values(), errors, asks=asks)
    return case_page(request, session, staff, file, shown, now=now, status=status)


def sent_before(session: Session, staff: Staff, path: str, once: str, *, now: datetime) -> bool:
    """Whether this very form of this very page was sent and obeyed before; if not, it is from now on. A form that is
    refused leaves no trace, with the rest of its savepoint."""
    if not once:
        return False
    session.execute(sa.delete(SentForm).where(col(SentForm.created_at) <= now - FORM_KEPT))
    key = hashlib.sha256("\0".join((staff.username, path, once)).encode()).hexdigest()
    insert = upsert(session, SentForm).values(key=key, created_at=now).on_conflict_do_nothing()
    return session.execute(insert.returning(sa.literal_column("key"))).scalar() is None
