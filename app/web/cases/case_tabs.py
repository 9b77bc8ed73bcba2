"""The tabs of a case: contacts, money, messages, agreements, and everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select
from starlette.requests import Request

from app.book.ledger.queries import credits_between
from app.casework.correspondence.models import InboundMessage
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import holds_of, impersonal_holds
from app.casework.plans.models import Plan
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.timeline.payload import kinds_under
from app.core.timeline.presenting import FILTER_LABELS, TimelineEntry, TimelineFilter
from app.core.timeline.queries import events_of_customer
from app.core.types import Rows
from app.http.cursors import decode_cursor, encode_cursor
from app.inbound.messages import reading_of
from app.inbound.queries import messages_of
from app.inbound.rules import Intent
from app.outreach.agreements.queued import will_not_leave
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.web.cases.case_file import CaseFile
from app.web.cases.reads import CASE_READS, CaseView
from app.web.cases.tabs.contacts import ContactsTab, contacts_tab
from app.web.cases.tabs.money import MoneyTab, money_tab
from app.web.cases.tabs.states import state_of
from app.web.rendering import Tone
from app.web.timeline import PageReader, TimelinePresenter, fold
from app.web.wording import MEANING_WORDS

EVENTS = 40
TABS = {
    "contacts": "Contacts",
    "money": "Money",
    "messages": "Messages",
    "agreements": "Agreements",
    "timeline": "Everything",
}
FORMER = {"accounts": "money", "statements": "money", "plans": "agreements", "holds": "agreements"}
"""Names of tabs in addresses of before."""


def tab_named(name: str) -> str:
    """The tab of this name; the first one where there is none."""
    name = FORMER.get(name, name)
    return name if name in TABS else "contacts"


@dataclass(frozen=True, slots=True)
class AgreementsTab:
    plans: Sequence[Plan]
    holds: Sequence[CaseHold]


@dataclass(frozen=True, slots=True)
class MessagesTab:
    thread: Sequence[ThreadLine]
    meaning_words: Mapping[Intent, tuple[str, Tone]]
    cover: Callable[[str], str]
    """Takes what is withheld from this reader out of a text."""
    state_of: Callable[[OutboxStatus, bool], tuple[str, Tone]] = state_of


def tab_content(
    request: Request, session: Session, view: CaseView, reader: PageReader, tab: str, *, works: bool
) -> CaseTab:
    """`works`: the reader works cases, and sees why a customer is left alone."""
    file = view.file
    match tab:
        case "money":
            return money_tab(request, session, file)
        case "agreements":
            holds = holds_of(session, file.case.customer_id)
            return AgreementsTab(view.found[CASE_READS.plans], holds if works else impersonal_holds(holds))
        case "messages":
            return MessagesTab(_thread(session, file), MEANING_WORDS, reader.sight.cover)
        case "contacts":
            return contacts_tab(file, view.found, reader)
    return _timeline_tab(request, session, file, reader)


@dataclass(frozen=True, slots=True)
class TimelineTab:
    """Events and the credits of the ledger, merged by day. A page's cursor is the last event and its day."""

    show: str
    shown: Mapping[TimelineFilter, str]
    lines: Sequence[TimelineEntry]
    texts: Mapping[int, OutboxMessage]
    next_cursor: str | None


def _timeline_tab(request: Request, session: Session, file: CaseFile, reader: PageReader) -> TimelineTab:
    """Events and the credits of the ledger, merged by day. A page's cursor is the last event and its day."""
    show = request.query_params.get("show", "")
    kinds = kinds_under(TimelineFilter(show)) if show in FILTER_LABELS else ()
    position = decode_cursor(request.query_params.get("cursor"), 2)
    before, upto = _position(position)
    events, following = events_of_customer(
        session, file.case.customer_id, kinds=kinds, before=before, limit=EVENTS
    )
    zone = file.portfolio.timezone
    reached = local_date(events[-1].at, zone) if following is not None else None
    # Everything is folded to what a person would tell; a filter shows each event by itself.
    folded = [(event, 1) for event in events] if show else fold(events)
    presenter = TimelinePresenter(reader)
    told = [(local_date(event.at, zone), 1, presenter.present(event, times)) for event, times in folded]
    if show in ("", "money"):
        since = reached + timedelta(days=1) if reached else None
        credits = credits_between(session, file.account_ids, since, upto or file.book.today)
        # Entries posted by hand have their own event.
        fed = [entry for entry in credits if entry.source.startswith("feed:")]
        told += [(entry.effective_on, 0, presenter.present_credit(entry)) for entry in fed]
    told.sort(key=lambda item: item[:2], reverse=True)
    lines: list[TimelineEntry] = [line for _, _, line in told]
    worded = [line.message_id for line in lines if line.message_id is not None]
    found = session.scalars(select(OutboxMessage).where(col(OutboxMessage.id).in_(worded)))
    return TimelineTab(
        show=show,
        shown=FILTER_LABELS,
        lines=lines,
        texts={id_of(message): message for message in found},
        next_cursor=encode_cursor(following, reached.isoformat()) if following and reached else None,
    )


def _position(values: Rows | None) -> tuple[int | None, date | None]:
    if values is None:
        return None, None
    try:
        return min(int(values[0]), 2**62), date.fromisoformat(values[1])
    except (TypeError, ValueError):
        return None, None


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """A message to the customer, or one from them with its meaning."""

    at: datetime
    ours: OutboxMessage | None = None
    will_not_leave: str = ""
    """Of a queued one of ours, the reason why it will be withheld."""
    theirs: InboundMessage | None = None
    intents: Sequence[Intent] = ()


def _thread(session: Session, file: CaseFile) -> list[ThreadLine]:
    """Messages to and from the customer, the latest first."""
    messages = _messages(session, file)
    stays = will_not_leave(session, messages)
    ours = [
        ThreadLine(each.sent_at or each.created_at, ours=each, will_not_leave=stays.get(id_of(each), ""))
        for each in messages
    ]
    theirs = [
        ThreadLine(each.received_at, theirs=each, intents=reading_of(each).intents)
        for each in messages_of(session, file.case.customer_id)
    ]
    return sorted([*ours, *theirs], key=lambda line: line.at, reverse=True)


def _messages(session: Session, file: CaseFile) -> list[OutboxMessage]:
    """Messages to this customer, sent or not, the latest first."""
    query = (
        select(OutboxMessage)
        .where(
            OutboxMessage.customer_id == file.case.customer_id,
            OutboxMessage.destination != Destination.LEGAL_DESK,
        )
        .order_by(col(OutboxMessage.id).desc())
        .limit(200)
    )
    return list(session.scalars(query))


CaseTab = TimelineTab | ContactsTab | MoneyTab | AgreementsTab | MessagesTab
