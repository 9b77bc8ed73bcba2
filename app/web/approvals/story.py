"""The story beside a request: the case, its last contacts, the figures then and now, and the authority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from babel import Locale
from sqlmodel import Session, select

from app.actions.approvals.asking import check_possible, figures_now
from app.actions.disputes.goodwill import goodwill_of_a_year
from app.book.delinquency.days import bucket_of
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import InboxItem
from app.casework.approvals.rules import ApprovalKind, Figures, share_waived
from app.casework.negotiation.facts import Option
from app.casework.negotiation.record.models import NegotiationOffer
from app.casework.plans.offering import Proposal
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.text import sentence
from app.core.timeline.payload import kinds_under
from app.core.timeline.presenting import TimelineEntry, TimelineFilter
from app.core.timeline.queries import events_of_customer
from app.core.timeline.sight import Sight
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.plan.rates import rates_in_words
from app.web.lookups import staff_names
from app.web.timeline import PageReader, TimelinePresenter

LAST_CONTACTS = 5


@dataclass(frozen=True, slots=True)
class Story:
    """A request of the inbox with all that is needed to decide it."""

    item: InboxItem
    reader: PageReader
    file: CaseFile | None
    """The customer's latest case; None for a waiver of a customer without one."""
    bucket: str
    contacts: Sequence[TimelineEntry]
    now: Figures | None
    """The figures of this moment; None for a waiver."""
    offer: NegotiationOffer | None = None
    """The offer of a negotiation that the request is about."""
    proposal: Proposal | None = None
    """The agreement that is asked for, worked out as of now: its payments, and the day of review."""
    rates: Sequence[str] = ()
    """Where a lower rate is asked for: each account's, and what it is now."""
    goodwill_before: int = 0
    """Goodwill of the last 365 days, of a request for more of it."""
    hindrance: str = ""
    """Why nobody can grant it now, as a sentence; '' = it can be granted."""

    @property
    def option(self) -> Option | None:
        """The offer as the solver made it: its schedule, what is expected of it."""
        return self.offer.option if self.offer else None

    @property
    def waived_minor(self) -> int:
        return self.now.owed_minor - self.item.amount_minor if self.now else 0

    @property
    def share(self) -> str:
        """Per cent of the debt that a settlement waives, as of now."""
        return f"{share_waived(self.now.owed_minor, self.item.amount_minor):.1f} %" if self.now else ""

    @property
    def changed(self) -> bool:
        """True if the figures are not those of the moment of asking."""
        request = self.item.request
        return request is not None and self.now is not None and request.figures.mark != self.now.mark


def story_of(session: Session, item: InboxItem, locale: Locale, now: datetime) -> Story:
    portfolio = item.portfolio
    reader = PageReader(locale, portfolio.currency, portfolio.timezone, staff_names(session))
    if item.case_id is None:
        return Story(item, reader, None, "", (), None)
    file = open_case_file(session, item.case_id, now)
    people = kinds_under(TimelineFilter.PEOPLE)
    events, _ = events_of_customer(session, id_of(file.customer), kinds=people, limit=LAST_CONTACTS)
    presenter = TimelinePresenter(replace(reader, sight=Sight(works_cases=True)))
    request = item.request
    proposal, hindrance = _possible(session, file, request) if request else (None, "")
    return Story(
        item=item,
        reader=reader,
        file=file,
        bucket=bucket_of(file.days, file.book.edges),
        contacts=[presenter.present(event) for event in events],
        now=figures_now(session, file.case, request.ask, today=file.book.today) if request else None,
        offer=_offer_of(session, request) if request else None,
        proposal=proposal,
        rates=rates_in_words(session, file, request.ask) if request else (),
        goodwill_before=_goodwill_before(session, file, request),
        hindrance=reader.plain(hindrance),
    )


def _possible(session: Session, file: CaseFile, request: ApprovalRequest) -> tuple[Proposal | None, str]:
    """The agreement that is asked for, or why what is asked can be granted no more."""
    try:
        return check_possible(session, file.case, request.ask, today=file.book.today), ""
    except (Invalid, Conflict, NotFound) as refused:
        return None, sentence(refused.message)


def _goodwill_before(session: Session, file: CaseFile, request: ApprovalRequest | None) -> int:
    if request is None or request.kind is not ApprovalKind.GOODWILL:
        return 0
    return goodwill_of_a_year(session, id_of(file.customer), file.book.today)


def _offer_of(session: Session, request: ApprovalRequest) -> NegotiationOffer | None:
    query = select(NegotiationOffer).where(
        NegotiationOffer.case_id == request.case_id, NegotiationOffer.request_id == request.id
    )
    return session.scalar(query)
