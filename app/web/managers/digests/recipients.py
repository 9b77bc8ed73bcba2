"""The list of who gets the digest of a portfolio: managers by e-mail, and webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from babel import Locale
from fastapi import Form
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import Role
from app.core.text import sentence
from app.http.context import Now, settings_of
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.formats import reader_locale, reader_words
from app.http.interface import ENGLISH, catalogue_of, languages, marked
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.operations.digests.events import (
    DigestGivenUp,
    DigestRecipientAdded,
    DigestRecipientChanged,
    DigestRecipientEnded,
    DigestSecretReplaced,
)
from app.operations.digests.models import Digest, DigestRecipient
from app.operations.digests.rules import (
    CADENCE_LABELS,
    OLD_SECRET_LABELS,
    DigestCadence,
    DigestStatus,
    DigestWay,
    OldSecret,
    webhook_secret,
)
from app.operations.digests.service import (
    add_recipient,
    change_recipient,
    end_recipient,
    last_digests,
    name_of,
    recipients,
    replace_secret,
)
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.managers.digests.changes import SaidChange, changes_of
from app.web.managers.figures.choice import choose_portfolio
from app.web.rendering import Page, Tone, page, redirect

router = Router(prefix="/digests")
COLUMNS = [Column(marked("Recipient")), Column(marked("When")), Column(marked("Last digest")), Column("")]
STATUS_WORDS: Mapping[DigestStatus, tuple[str, Tone]] = {
    DigestStatus.DUE: (marked("to be sent"), "info"),
    DigestStatus.SENDING: (marked("being sent"), "info"),
    DigestStatus.SENT: (marked("sent"), "good"),
    DigestStatus.FAILED: (marked("did not arrive"), "bad"),
    DigestStatus.WITHHELD: (marked("withheld"), "warn"),
}


@dataclass(frozen=True, slots=True)
class DigestsPage(Page):
    template = "managers/digests/digests.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    rows: Sequence[DigestRecipient]
    last: Mapping[int, Digest]
    columns: Sequence[Column]
    statuses: Mapping[DigestStatus, tuple[str, Tone]]
    cadences: Sequence[tuple[str, str]]
    labels: Mapping[DigestCadence, str]
    old_secrets: Sequence[tuple[str, str]]
    tongues: Sequence[tuple[str, str]]
    """Languages that a digest can be in, each by its own name."""
    tongue: str
    """That of this page."""
    managers: Sequence[tuple[str, str]]
    may_read: frozenset[str]
    changes: Sequence[SaidChange]
    names: Mapping[str, str]
    values: Mapping[str, str]
    errors: Mapping[str, str]
    changed: int
    """The row whose change was refused; 0 = none."""
    sends: bool


@router.get("")
def digests(request: Request, _staff: Manager, session: ReadSession, portfolio: str = "") -> Response:
    return _page(request, session, portfolio)


def _page(
    request: Request,
    session: Session,
    code: str,
    *,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    changed: int = 0,
    status: int = 200,
) -> Response:
    portfolios, chosen = choose_portfolio(session, code)
    portfolio_id = id_of(chosen) if chosen else 0
    managers = session.scalars(
        select(User)
        .where(User.role == Role.MANAGER, col(User.active).is_(True))
        .order_by(col(User.display_name))
    ).all()
    return page(
        request,
        DigestsPage(
            portfolio=chosen,
            portfolios=portfolios,
            rows=recipients(session, portfolio_id),
            last=last_digests(session, portfolio_id),
            columns=COLUMNS,
            statuses=STATUS_WORDS,
            cadences=[(cadence.value, label) for cadence, label in CADENCE_LABELS.items()],
            labels=CADENCE_LABELS,
            tongues=_tongues(),
            tongue=catalogue_of(reader_locale(request)) or ENGLISH,
            old_secrets=[(each.value, label) for each, label in OLD_SECRET_LABELS.items()],
            managers=[(user.username, user.display_name) for user in managers],
            may_read=frozenset(user.username for user in managers),
            changes=changes_of(
                session,
                portfolio_id,
                reader_words(request),
                DigestRecipientAdded,
                DigestRecipientChanged,
                DigestRecipientEnded,
                DigestSecretReplaced,
                DigestGivenUp,
            ),
            names=staff_names(session),
            values=values or {},
            errors=errors or {},
            changed=changed,
            sends=settings_of(request).email.value == "smtp",
        ),
        status,
    )


def _tongues() -> list[tuple[str, str]]:
    return [(each, Locale.parse(each).get_display_name(each) or each) for each in sorted(languages())]


@dataclass(frozen=True, slots=True)
class WebhookAddedPage(Page):
    template = "managers/digests/webhook_added.html"
    portfolio: Portfolio
    host: str
    secret: str
    replaced: bool = False
    old_until: datetime | None = None
    """Until then the secret that was replaced signs, too."""


@router.post("")
def add(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    way: Annotated[DigestWay, Form()] = DigestWay.EMAIL,
    username: Annotated[str, Form(max_length=200)] = "",
    email: Annotated[str, Form(max_length=300)] = "",
    url: Annotated[str, Form(max_length=1000)] = "",
    cadence: Annotated[DigestCadence, Form()] = DigestCadence.DAILY,
    language: Annotated[str, Form(max_length=20)] = ENGLISH,
) -> Response:
    """Put a manager or a webhook on the list; the secret of a webhook is on this answer only."""
    book, settings = get_portfolio(session, portfolio), settings_of(request)
    try:
        with session.begin_nested():
            row = add_recipient(
                session, book, way, username=username, email=email, url=url, cadence=cadence, language=language,
                private=settings.webhook_private, by=staff.by, now=now,
            )  # fmt: skip
    except (Invalid, Conflict) as refused:
        first = "username" if way is DigestWay.EMAIL else "url"
        values = {"username": username, "email": email, "url": url, f"cadence_{way.value}": cadence.value}
        errors = {refused.field or first: sentence(refused.message)}
        return _page(request, session, portfolio, values=values, errors=errors, status=refused.status)
    if way is DigestWay.WEBHOOK:
        secret = webhook_secret(settings.require_secret(), row.salt)
        return page(request, WebhookAddedPage(portfolio=book, host=name_of(row), secret=secret))
    said = marked("{name} gets the digest of {portfolio} from the next closed day on.")
    return redirect(request, f"/digests?portfolio={book.code}", said, name=row.username, portfolio=book.code)


@router.post("/{recipient_id}")
def change(
    request: Request,
    recipient_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    email: Annotated[str | None, Form(max_length=300)] = None,
    cadence: Annotated[DigestCadence | None, Form()] = None,
    language: Annotated[str | None, Form(max_length=20)] = None,
    active: Annotated[bool | None, Form()] = None,
) -> Response:
    book = get_portfolio(session, portfolio)
    try:
        with session.begin_nested():
            row = change_recipient(
                session, book, recipient_id, email=email, cadence=cadence, language=language, active=active,
                by=staff.by, now=now,
            )  # fmt: skip
    except (Invalid, Conflict) as refused:
        errors = {f"changed_{refused.field}": sentence(refused.message)}
        values = {"changed_email": email or ""}
        return _page(
            request,
            session,
            portfolio,
            values=values,
            errors=errors,
            changed=recipient_id,
            status=refused.status,
        )
    saved, paused = marked("{name} is saved."), marked("{name} gets no digest until you resume it.")
    said = saved if row.active else paused
    return redirect(request, f"/digests?portfolio={book.code}", said, name=name_of(row))


@router.post("/{recipient_id}/secret")
def replace(
    request: Request,
    recipient_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    old: Annotated[OldSecret, Form()] = OldSecret.A_WEEK,
) -> Response:
    """Give a webhook a new secret, which is on this answer only."""
    book = get_portfolio(session, portfolio)
    row = replace_secret(session, book, recipient_id, old, by=staff.by, now=now)
    secret = webhook_secret(settings_of(request).require_secret(), row.salt)
    return page(request, WebhookAddedPage(book, name_of(row), secret, replaced=True, old_until=row.old_until))


@router.post("/{recipient_id}/end")
def end(
    request: Request,
    recipient_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    book = get_portfolio(session, portfolio)
    row = end_recipient(session, book, recipient_id, by=staff.by, now=now)
    said = marked("{name} is off the list.")
    return redirect(request, f"/digests?portfolio={book.code}", said, name=name_of(row))
