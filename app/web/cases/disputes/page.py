"""The page of a customer's disputes: what is disputed, clocks, evidence, decisions, and the form that opens one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import Query
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.actions.assignment import assignable
from app.actions.disputes.charges import charges_rest
from app.book.charges.rests import OF_DISPUTES
from app.book.ledger.models import Entry, Statement
from app.book.ledger.rules import MONEY_IN, PAYS_DUES, WAIVABLE
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import waiting_decisions
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.casework.disputes.models import Dispute, DisputeEvidence
from app.casework.disputes.queries import disputes_of, evidence_of
from app.casework.disputes.rules import (
    ANSWER_DAYS,
    CORRECTION_LABELS,
    DECISIONS,
    EVIDENCE_DAYS,
    KIND_LABELS,
    OUTCOME_LABELS,
    WHOLE,
    DisputeKind,
    ReceivedAs,
    is_late,
)
from app.casework.documents.models import CaseDocument
from app.casework.documents.service import documents_of
from app.casework.questions.models import CaseQuestion
from app.casework.questions.queries import waiting_question
from app.casework.questions.rules import SOURCE_LABELS, QuestionSource
from app.casework.recognition.cues import Subject
from app.casework.support_needs.sight import sight_of
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.staff.drafts import draft_of, typed_in
from app.core.staff.rules import CASEWORK, MANAGEMENT, Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LEFT
from app.policy.composition import packs_for
from app.policy.pack import Pack
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.forms import FormState
from app.web.lookups import staff_names
from app.web.rendering import Page, Tone, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")

MOST_ENTRIES = 60
"""Entries that the form offers: the latest of the customer's accounts."""


@dataclass(frozen=True, slots=True)
class DisputeCard:
    """One dispute with what it is about, in words."""

    dispute: Dispute
    about: str
    account: str
    evidence: Sequence[DisputeEvidence]
    documents: Mapping[int, CaseDocument]
    correction: str
    state: tuple[str, Tone]
    acknowledge_late: bool
    answer_late: bool
    days_left: int
    charges: str
    """What it bears of interest and late fees, in words."""
    corrects: Sequence[tuple[str, str]]
    """Credits of the account, to name as its correction."""


@dataclass(frozen=True, slots=True)
class DisputesPage(Page):
    template = "cases/disputes/disputes.html"
    file: CaseFile
    cards: Sequence[DisputeCard]
    reader: PageReader
    currency: str
    kinds: Sequence[tuple[str, str]]
    accounts: Sequence[tuple[str, str]]
    entries: Sequence[tuple[str, str]]
    statements: Sequence[tuple[str, str]]
    outcomes: Sequence[tuple[str, str]]
    corrections: Sequence[tuple[str, str]]
    documents: Sequence[tuple[str, str]]
    people: Sequence[tuple[str, str]]
    labels: Mapping[str, Mapping[str, str]]
    law: str
    """What the law of the customer's place says of disputes."""
    today: date
    evidence_by: date
    aim_days: int
    whole: frozenset[str]
    first_open: int | None
    """The dispute whose forms have keys."""
    held: bool
    """A hold of an open dispute stops everything."""
    can_write: bool
    asks: str
    """Who decides beyond the reader's limit."""
    asked_for: Mapping[int, ApprovalRequest]
    """Requests for decisions that wait for a manager, by dispute."""
    question: CaseQuestion | None
    """The words that the form takes up."""
    sources: Mapping[QuestionSource, str]
    form: FormState


@router.get("/{case_id}/disputes")
def disputes_page(
    request: Request,
    case_id: RowId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    do: str = "",
    draft: str = "",
    question: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Response:
    """`?question=` brings words that wait for an answer to the form."""
    file, form = open_case_file(session, case_id, now), FormState(do)
    if draft and (kept := draft_of(session, staff.username, do, str(case_id))):
        form = FormState(do, typed_in(kept), drafted_at=kept.saved_at)
    asked = waiting_question(session, id_of(file.customer), question, Subject.DISPUTE)
    if asked is not None and staff.role in CASEWORK:
        form = FormState("dispute", _taken_up(asked))
    return show_disputes(request, session, staff, file, form)


def _taken_up(question: CaseQuestion) -> dict[str, str]:
    """The form as the words fill it in."""
    spoken = question.source in (QuestionSource.CALL, QuestionSource.VISIT, QuestionSource.NOTE)
    return {
        "question": str(question.id),
        "words": question.words,
        "received_on": question.received_on.isoformat(),
        "received_as": (ReceivedAs.ORAL if spoken else ReceivedAs.WRITTEN).value,
    }


def show_disputes(
    request: Request, session: Session, staff: Staff, file: CaseFile, form: FormState, status: int = 200
) -> Response:
    currency, zone = file.book.currency, file.portfolio.timezone
    reader = PageReader(reader_locale(request), currency, zone, staff_names(session))
    entries = _entries(session, file)
    documents = documents_of(session, id_of(file.customer))
    pack = packs_for(file.portfolio, file.customer)
    found = disputes_of(session, id_of(file.customer))
    number = form.of("dispute").values.get("question", "")
    shown = DisputesPage(
        file=file,
        cards=_cards(session, file, found, entries, documents, reader),
        reader=reader,
        currency=currency,
        kinds=[
            (kind.value, label)
            for kind, label in KIND_LABELS.items()
            if kind is not DisputeKind.BILLING_ERROR or _knows_billing_errors(pack)
        ],
        accounts=[(str(id_of(each)), f"{each.product} ending {each.card_last4}") for each in file.accounts],
        entries=[
            (str(id_of(each)), _entry_words(each, file, reader)) for each in entries if each.amount_minor > 0
        ],
        statements=_statements(session, file, reader) if _knows_billing_errors(pack) else [],
        outcomes=[(each.value, OUTCOME_LABELS[each]) for each in DECISIONS],
        corrections=[(each.value, label) for each, label in CORRECTION_LABELS.items()],
        documents=[
            (str(id_of(each)), f"{each.name}, {reader.day(each.dated_on)}")
            for each in documents
            if each.withdrawn_at is None
        ],
        people=[(name, shown) for name, shown in assignable(session).items()],
        labels={
            "kind": {kind.value: label for kind, label in KIND_LABELS.items()},
            "outcome": {outcome.value: label for outcome, label in OUTCOME_LABELS.items()},
            "received": {"written": "in writing", "oral": "by word of mouth"},
            "evidence": {
                "requested": "asked for",
                "received": "received",
                "insufficient": "does not suffice",
            },
        },
        law=_law(pack),
        today=file.book.today,
        evidence_by=file.book.today + timedelta(days=EVIDENCE_DAYS),
        aim_days=ANSWER_DAYS,
        whole=frozenset(kind.value for kind in WHOLE),
        first_open=next((each.id for each in found if each.is_open), None),
        held=any(each.is_open and each.hold_id is not None for each in found),
        can_write=staff.role in CASEWORK,
        asks="another manager" if staff.role in MANAGEMENT else "a manager",
        asked_for=waiting_decisions(session, id_of(file.customer)),
        question=waiting_question(
            session, id_of(file.customer), int(number) if number.isdigit() else None, Subject.DISPUTE
        ),
        sources=SOURCE_LABELS,
        form=form,
    )
    return page(request, shown, status, sight_of(session, id_of(file.customer), staff.role, staff.by))


def _knows_billing_errors(pack: Pack) -> bool:
    return pack.disputes is not None and pack.disputes.billing_error_days is not None


def _law(pack: Pack) -> str:
    """The procedure of the customer's place in a sentence; '' = it has none of its own."""
    rules = pack.disputes
    if rules is None:
        return ""
    parts = []
    if rules.billing_error_days is not None:
        parts.append(
            f"A billing error is told in writing within {rules.billing_error_days} days of its first statement"
        )
    if rules.verify_first:
        parts.append("what is rejected is asked for again only once the verification was sent")
    if rules.pay_days:
        longer = ", or their grace period if that is longer" if rules.grace_to_pay else ""
        parts.append(f"after a rejected billing error the customer has {rules.pay_days} days to pay{longer}")
    if rules.charges_rest:
        parts.append("an open billing error bears no interest and no late fees")
    if not parts:
        return ""
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]} ({rules.citation})."


def _cards(
    session: Session,
    file: CaseFile,
    found: Sequence[Dispute],
    entries: Sequence[Entry],
    documents: Sequence[CaseDocument],
    reader: PageReader,
) -> list[DisputeCard]:
    evidence = evidence_of(session, [id_of(each) for each in found])
    names = {id_of(each): f"{each.product} ending {each.card_last4}" for each in file.accounts}
    wanted = {i for each in found for i in (each.entry_id, each.correction_id) if i is not None}
    query = select(Entry).where(among(session, table_of(Entry).c.id, wanted))
    named = {id_of(each): each for each in session.scalars(query)} if wanted else {}
    on_file = {id_of(each): each for each in documents}
    used = {each.correction_id for each in found}
    pack = packs_for(file.portfolio, file.customer)
    unsaid = _not_acknowledged(session, found, file.book.today)
    return [
        DisputeCard(
            dispute=each,
            about=_entry_words(named[each.entry_id], file, reader) if each.entry_id in named else "",
            account=names.get(each.account_id, "All accounts")
            if each.account_id is not None
            else "All accounts",
            evidence=evidence.get(id_of(each), ()),
            documents=on_file,
            correction=named[each.correction_id].reference if each.correction_id in named else "",
            state=_state(each, file.book.today),
            acknowledge_late=each.id in unsaid,
            answer_late=each.is_open and is_late(each.answer_by, file.book.today),
            days_left=(each.answer_by - file.book.today).days,
            charges=_charges(each, pack, file.book.today, reader),
            corrects=[
                (str(id_of(entry)), _entry_words(entry, file, reader))
                for entry in entries
                if entry.id not in used and _may_correct(entry, each)
            ],
        )
        for each in found
    ]


def _charges(dispute: Dispute, pack: Pack, today: date, reader: PageReader) -> str:
    if not charges_rest(dispute, pack):
        return "–"
    if dispute.is_open:
        return f"none from {reader.day(dispute.received_on)} on, until it is decided"
    if dispute.pay_by is not None and dispute.pay_by >= today:
        return f"none until {reader.day(dispute.pay_by)}"
    return "–"


def _not_acknowledged(session: Session, found: Sequence[Dispute], today: date) -> set[int]:
    """Open disputes whose acknowledgement by law is late, and did not leave."""
    late = [each for each in found if each.is_open and is_late(each.acknowledge_by, today)]
    if not late:
        return set()
    contact, message = table_of(PlannedContact), table_of(OutboxMessage)
    query = (
        select(contact.c.case_id, contact.c.occurrence)
        .join(message, message.c.contact_id == contact.c.id)
        .where(
            among(session, contact.c.case_id, sorted({each.case_id for each in late})),
            contact.c.step == DeskStep.DISPUTE_RECEIVED,
            message.c.status.in_(LEFT),
            message.c.console_only.is_(False),
        )
    )
    told = {(case_id, n) for case_id, n in session.connection().execute(query)}
    return {id_of(each) for each in late if (each.case_id, each.n) not in told}


def _may_correct(entry: Entry, dispute: Dispute) -> bool:
    """Whether an entry is offered as the correction of a dispute, as far as it tells by itself."""
    if entry.amount_minor >= 0 or dispute.account_id not in (None, entry.account_id):
        return False
    if dispute.kind is DisputeKind.ALREADY_PAID:
        return entry.kind in PAYS_DUES
    reverses_it = entry.reverses_id is not None and entry.reverses_id == dispute.entry_id
    credits_it = entry.kind in PAYS_DUES - MONEY_IN and not entry.reference.startswith(OF_DISPUTES)
    return (reverses_it or credits_it) and entry.created_at >= dispute.opened_at


def _state(dispute: Dispute, today: date) -> tuple[str, Tone]:
    if dispute.outcome is None:
        return ("Overdue", "bad") if is_late(dispute.answer_by, today) else ("Open", "warn")
    if dispute.awaits_correction:
        return "The creditor has to correct it", "warn"
    return OUTCOME_LABELS[dispute.outcome], "neutral"


def _entries(session: Session, file: CaseFile) -> list[Entry]:
    query = (
        select(Entry)
        .where(among(session, table_of(Entry).c.account_id, [id_of(each) for each in file.accounts]))
        .order_by(col(Entry.effective_on).desc(), col(Entry.id).desc())
        .limit(MOST_ENTRIES)
    )
    return list(session.scalars(query))


def _entry_words(entry: Entry, file: CaseFile, reader: PageReader) -> str:
    last4 = next((each.card_last4 for each in file.accounts if each.id == entry.account_id), "")
    what = entry.description or entry.kind.value.replace("_", " ")
    kind = " (fee or interest)" if entry.kind in WAIVABLE and entry.description else ""
    return f"{reader.day(entry.effective_on)}, {reader.money(abs(entry.amount_minor))}: {what}{kind}, card {last4}"


def _statements(session: Session, file: CaseFile, reader: PageReader) -> list[tuple[str, str]]:
    cards = {id_of(each): each.card_last4 for each in file.accounts}
    query = (
        select(Statement)
        .where(among(session, table_of(Statement).c.account_id, list(cards)))
        .order_by(col(Statement.closing_on).desc())
        .limit(24)
    )
    return [
        (str(id_of(each)), f"{reader.day(each.closing_on)}, card {cards[each.account_id]}")
        for each in session.scalars(query)
    ]
