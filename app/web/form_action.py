"""Send a form: act on it, or show its page again with the typed values.

One action for every form of a case and of an account. It runs in a savepoint: a refusal leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session, col
from starlette.requests import Request
from starlette.responses import Response

from app.core.database.bulk import upsert
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.staff.drafts import discard_draft, save_draft
from app.core.staff.models import SentForm
from app.core.staff.rules import Staff
from app.web.forms import FormState, Typed, Wrong, beside
from app.web.rendering import Tone

FORM_KEPT = timedelta(days=1)
"""Time for which a sent form is remembered."""
MakeResponse = Callable[[], Response]
"""Makes the response, once the savepoint has ended."""
Flash = tuple[str, Tone]
"""The message that the next page shows once."""


@dataclass(frozen=True, slots=True)
class FormAction:
    """A sent form: its author, the typed values, and the way to show its page again."""

    request: Request
    session: Session
    staff: Staff
    form: str
    """Its name on the page."""
    typed: Typed
    show: Callable[[FormState, int], Response]
    """The page with the form open, and the status of the response."""
    now: datetime
    names: Mapping[str, str] = field(default_factory=dict)
    """A field as the act calls it -> as the form calls it."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Values that the page needs beside those that were typed."""
    subject: str = ""
    """What its draft is about, such as a case's number; '' = none is kept."""
    plain: Callable[[str], str] = str
    """Writes the dates and amounts of a refusal as the reader does."""

    def run(self, act: Callable[[SessionTransaction], MakeResponse]) -> Response:
        """Run `act` in a savepoint, which it may roll back itself, then answer; show a refusal beside its field."""
        try:
            with self.session.begin_nested() as savepoint:
                answer = act(savepoint)
        except Wrong as wrong:
            return self.refuse(wrong, 422)
        except (Invalid, Conflict, Forbidden) as refused:
            found = beside(refused, self.typed, self.names)
            errors = {name: self.plain(text) for name, text in found.items()}
            return self.refuse(Wrong(errors), refused.status if "" in errors else 422)
        if self.subject:
            discard_draft(self.session, self.staff.username, self.form, self.subject)
        return answer()

    def refuse(self, wrong: Wrong, status: int) -> Response:
        """Show the page again, with the typed values and their errors."""
        values = {**self.typed.values(), **self.values}
        self.keep(self.typed.values())
        return self.show(FormState(self.form, values, dict(wrong.errors), asks=wrong.asks), status)

    def was_sent_before(self) -> bool:
        """Check whether this form of this page was sent and obeyed before, and record it as sent. The record of a
        refused form is rolled back with its savepoint."""
        if not self.typed.once:
            return False
        self.session.execute(sa.delete(SentForm).where(col(SentForm.created_at) <= self.now - FORM_KEPT))
        key = sent_key(self.staff.username, self.request.url.path, self.typed.once)
        insert = upsert(self.session, SentForm).values(key=key, created_at=self.now).on_conflict_do_nothing()
        return self.session.execute(insert.returning(sa.literal_column("key"))).scalar() is None

    def keep(self, typed: Mapping[str, str]) -> None:
        """Keep a form that was not obeyed as a draft, so that it is found again after a reload or in another tab."""
        if not self.subject:
            return
        with contextlib.suppress(Invalid):  # a card number is not kept, and nothing longer than a draft
            save_draft(self.session, self.staff.username, self.form, self.subject, typed, now=self.now)


def sent_key(username: str, path: str, once: str) -> str:
    """Key of a form that was sent: by whom, to which address, and what its page drew for it."""
    return hashlib.sha256("\0".join((username, path, once)).encode()).hexdigest()
