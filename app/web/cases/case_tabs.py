"""The tabs of a case: contacts, money, messages, agreements, and everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select
from starlette.requests import Request

from app.casework.correspondence.models import InboundMessage
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import holds_of, impersonal_holds
from app.casework.plans.models import Plan
from app.core.ids import id_of
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
from app.web.cases.tabs.story import TimelineTab, timeline_tab
from app.web.rendering import Tone
from app.web.timeline import PageReader
from app.web.wording import MEANING_WORDS

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
    return timeline_tab(request, session, file, reader)


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
