"""Confirm a form on an account: its effect is shown before it is done.

Money and days change only after a second look. Each form is first done inside a savepoint and taken back, so that the
page that asks for confirmation shows the very figures the act gives; only then is it done. The figures shown are sent
along: if anything happened meanwhile, a second click of the same button included, the page asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.history import AccountOn
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.core.staff.rules import Staff
from app.core.timeline.models import StreamHead
from app.core.timeline.service import customer_stream, lock_customers
from app.http.formats import reader_locale
from app.web.accounts.account_file import AccountFile, open_account
from app.web.accounts.account_page import account_page
from app.web.accounts.words import STATUS_WORDS
from app.web.form_action import FormAction, MakeResponse
from app.web.forms import Fields, FormState, Typed
from app.web.rendering import Page, Tone, page, redirect
from app.web.timeline import PageReader


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect of a form on figures: what it does, and what is said once it is done."""

    title: str
    """The question's subject: "Reverse the payment of …"."""
    happens: Sequence[str]
    done: str
    """The message once it is done."""
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
class Submission:
    """A form sent on an account: its author, its time, and the typed values."""

    request: Request
    session: Session
    staff: Staff
    now: datetime
    file: AccountFile
    fields: Fields
    reader: PageReader


def submit(
    request: Request,
    session: Session,
    staff: Staff,
    account_id: int,
    form: str,
    typed: Typed,
    act: Callable[[Submission], Effect],
    *,
    now: datetime,
    names: Mapping[str, str] | None = None,
    other: int | None = None,
    entry: int = 0,
    tab: str = "ledger",
) -> Response:
    """Show the effect of a form, or do it; or show the page again with what was typed and why it was refused.

    `other` is a second account it concerns, `entry` the entry it is about. `names`: a field as the act calls it -> as
    the form calls it.
    """
    concerned = [account_id] if other is None else [account_id, other]
    _lock(session, concerned)
    files = [open_account(session, each, now) for each in concerned]
    before, file = [Figures.of(each) for each in files], files[0]
    submission = Submission(
        request=request,
        session=session,
        staff=staff,
        now=now,
        file=file,
        fields=Fields(typed, file.book, file.portfolio.timezone, reader_locale(request)),
        reader=PageReader(reader_locale(request), file.currency, file.portfolio.timezone),
    )
    seen = _fingerprint(session, files)

    def show(state: FormState, status: int) -> Response:
        return account_page(request, session, staff, file, state, now=now, status=status)

    def look_or_do(savepoint: SessionTransaction) -> MakeResponse:
        effect = act(submission)
        if typed.seen == seen:
            return lambda: redirect(request, f"{file.path}?tab={tab}#content", effect.done, effect.tone)
        after = [Figures.of(open_account(session, each, now)) for each in concerned]
        savepoint.rollback()
        changes = list(map(Change, files, before, after))

        def confirm() -> Response:
            action.keep(typed.values())  # until it is confirmed: only then is it done
            return _confirmation(request, typed, effect, seen, changes)

        return confirm

    action = FormAction(
        request=request,
        session=session,
        staff=staff,
        form=form,
        typed=typed,
        show=show,
        now=now,
        names=names or {},
        values={"entry": str(entry)},
        subject=f"account-{account_id}-entry-{entry}" if entry else f"account-{account_id}",
    )
    return action.run(look_or_do)


def _lock(session: Session, account_ids: Sequence[int]) -> None:
    found = session.scalars(select(Account.customer_id).where(col(Account.id).in_(account_ids)))
    lock_customers(session, list(found))


def _fingerprint(session: Session, files: Sequence[AccountFile]) -> str:
    """Return a mark that changes with every event of these customers and with every figure of these accounts."""
    parts = []
    for file in files:
        stream = customer_stream(file.account.customer_id)
        seq = session.scalar(select(StreamHead.seq).where(StreamHead.stream == stream))
        parts.append(f"{seq or 0}.{file.stands.balance}.{file.stands.past_due}.{file.days}")
    return "_".join(parts)


@dataclass(frozen=True, slots=True)
class ConfirmationPage(Page):
    template = "accounts/confirm.html"
    file: AccountFile
    effect: Effect
    changes: Sequence[Change]
    status_words: Mapping[AccountStatus, tuple[str, Tone]]
    typed: Mapping[str, str]
    again: bool


def _confirmation(
    request: Request, typed: Typed, effect: Effect, seen: str, changes: Sequence[Change]
) -> Response:
    return page(
        request,
        ConfirmationPage(
            file=changes[0].file,
            effect=effect,
            changes=changes,
            status_words=STATUS_WORDS,
            typed={**typed.values(), "seen": seen},
            again=bool(typed.seen),
        ),
    )
