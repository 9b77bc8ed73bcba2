"""Look, then do: a form on an account is shown with its effect before it is done.

Money and days change only after a second look. Each form is first done inside a savepoint and taken back, so that
the page that asks for confirmation shows the very figures the act gives; only then is it done. What was seen is
sent along: if anything happened meanwhile, a second click of the same button included, the page asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.history import AccountOn
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.staff.rules import Staff
from app.core.timeline.models import StreamHead
from app.core.timeline.service import customer_stream, lock_customers
from app.http.formats import reader_locale
from app.web.accounts.account_file import AccountFile, open_account
from app.web.accounts.account_page import account_page
from app.web.accounts.words import STATUS_WORDS
from app.web.forms import Fields, FormState, Typed, Wrong, beside
from app.web.rendering import Tone, page, redirect
from app.web.wording import Teller


class ConfirmedForm(Typed):
    """A form that is sent twice: to look, and with `seen` to do it."""

    seen: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """What a form did, or would do."""

    title: str
    """As a question's subject: "Reverse the payment of …"."""
    happens: Sequence[str]
    done: str
    """What is said once it is done."""
    tone: Tone = "good"


@dataclass(frozen=True, slots=True)
class Figures:
    """An account at one moment, as plain values: rows read before a savepoint is taken back change under us."""

    status: AccountStatus
    stands: AccountOn

    @classmethod
    def of(cls, file: AccountFile) -> Figures:
        return cls(file.account.status, file.stands)


@dataclass(frozen=True, slots=True)
class Change:
    """One account before and after."""

    file: AccountFile
    before: Figures
    after: Figures


@dataclass(frozen=True, slots=True)
class Doing:
    """Whoever does something on an account, and when."""

    request: Request
    session: Session
    staff: Staff
    now: datetime
    file: AccountFile
    fields: Fields
    teller: Teller


def attempt(
    request: Request,
    session: Session,
    staff: Staff,
    account_id: int,
    form: str,
    typed: ConfirmedForm,
    act: Callable[[Doing], Deed],
    *,
    now: datetime,
    names: Mapping[str, str] | None = None,
    other: int | None = None,
    entry: int = 0,
    tab: str = "ledger",
) -> Response:
    """Show what would happen, or do it; or show the page again with what was typed and why it was refused.

    `other` is a second account it concerns, `entry` the entry it is about. `names` maps a verb's name of a field
    to the form's.
    """
    concerned = [account_id] if other is None else [account_id, other]
    _lock(session, concerned)
    files = [open_account(session, each, now) for each in concerned]
    before, file = [Figures.of(each) for each in files], files[0]
    doing = Doing(
        request=request,
        session=session,
        staff=staff,
        now=now,
        file=file,
        fields=Fields(typed, file.book, file.portfolio.timezone, reader_locale(request)),
        teller=Teller(reader_locale(request), file.currency, file.portfolio.timezone),
    )
    seen = _fingerprint(session, files)
    after: list[Figures] = []
    try:
        with session.begin_nested() as savepoint:
            deed = act(doing)
            if typed.seen != seen:
                after = [Figures.of(open_account(session, each, now)) for each in concerned]
                savepoint.rollback()
    except Wrong as wrong:
        return _refused(doing, FormState(form, _values(typed, entry), wrong.errors), 422)
    except (Invalid, Conflict, Forbidden) as refused:
        errors = beside(refused, typed, names or {})
        return _refused(doing, FormState(form, _values(typed, entry), errors), refused.status)
    if typed.seen == seen:
        return redirect(request, f"{file.path}?tab={tab}#content", deed.done, deed.tone)
    return _confirmation(request, typed, deed, seen, list(map(Change, files, before, after)))


def _lock(session: Session, account_ids: Sequence[int]) -> None:
    found = session.scalars(select(Account.customer_id).where(col(Account.id).in_(account_ids)))
    lock_customers(session, list(found))


def _fingerprint(session: Session, files: Sequence[AccountFile]) -> str:
    """Changes with every event of these customers and with every figure of these accounts."""
    parts = []
    for file in files:
        stream = customer_stream(file.account.customer_id)
        seq = session.scalar(select(StreamHead.seq).where(StreamHead.stream == stream))
        parts.append(f"{seq or 0}.{file.stands.balance}.{file.stands.past_due}.{file.days}")
    return "_".join(parts)


def _values(typed: ConfirmedForm, entry: int) -> dict[str, str]:
    return {**typed.values(), "entry": str(entry)}


def _refused(doing: Doing, form: FormState, status: int) -> Response:
    return account_page(
        doing.request, doing.session, doing.staff, doing.file, form, now=doing.now, status=status
    )


def _confirmation(
    request: Request, typed: ConfirmedForm, deed: Deed, seen: str, changes: Sequence[Change]
) -> Response:
    return page(
        request,
        "accounts/confirm.html",
        file=changes[0].file,
        deed=deed,
        changes=changes,
        status_words=STATUS_WORDS,
        typed={**typed.values(), "seen": seen},
        again=bool(typed.seen),
    )


class ReasonForm(ConfirmedForm):
    reason: str = ""
