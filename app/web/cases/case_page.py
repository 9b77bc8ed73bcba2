"""The page of one case: customer, debt, the gate's answer at this moment, and timeline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.agreements import discount_limit
from app.book.customers.people import CONTACT_LIMITS
from app.book.customers.service import CONTACT
from app.book.delinquency.days import bucket_of
from app.book.ledger.queries import ledger_lines
from app.casework.cases.models import case_reference
from app.casework.correspondence.models import InboundMessage
from app.casework.disputes.rules import KIND_LABELS
from app.casework.escalations.rules import REASON_LABELS
from app.casework.plans.rules import Instalment
from app.casework.presence.rules import BEAT_SECONDS
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.labels import (
    CHANNEL_LABELS,
    CONTACT_LABELS,
    ENTRY_LABELS,
    HOLD_END_LABELS,
    HOLD_LABELS,
    PLAN_LABELS,
)
from app.core.money import to_decimal_string
from app.core.staff.drafts import draft_of, typed_in
from app.core.staff.rules import CASEWORK, Role, Staff
from app.core.vocabulary import HoldKind
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseReader, CaseWorker
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession, StreamSession
from app.inbound.answers import LONGEST_ANSWER
from app.outreach.letters.locales import LOCALES
from app.policy.pack import Pack
from app.web.cases.call.header import Header, header_of
from app.web.cases.call.needs import NeedsPanel, needs_panel
from app.web.cases.call.open_items import OpenItems, open_items
from app.web.cases.call.pauses import may_answer
from app.web.cases.call.reasons import GateReason, told_once
from app.web.cases.call.script import ScriptPanel, script_panel
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.case_tabs import TABS, CaseTab, tab_content, tab_named
from app.web.cases.forms.cadences import PAID_EVERY
from app.web.cases.gate_answers import GateRow, may_contact, without_persons
from app.web.cases.knowledge.panel import KnowledgePanel, knowledge_panel
from app.web.cases.letter_form import NO_LETTERS, LetterOptions, letter_options
from app.web.cases.outcome.bar import OutcomeBar
from app.web.cases.outcome.view import bar_of
from app.web.cases.plan.typed import NO_PLAN, PlanChoices, plan_choices
from app.web.cases.plan.words import PLAN_TONES
from app.web.cases.presence import Colleague, colleagues
from app.web.cases.reads import CaseView, read_case
from app.web.forms import FormState
from app.web.lists import csv_download
from app.web.lookups import bucket_tone
from app.web.rendering import Page, Tone, fragment, page
from app.web.timeline import PageReader
from app.web.wording import language_words

router = Router(prefix="/cases")
WORDS = {
    "entry": ENTRY_LABELS, "hold": HOLD_LABELS, "hold_end": HOLD_END_LABELS, "dispute": KIND_LABELS,
    "plan": PLAN_LABELS, "channel": CHANNEL_LABELS,
}  # fmt: skip


@router.get("/{case_id}")
def case_file(
    request: Request,
    case_id: RowId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    do: str = "",
    draft: str = "",
) -> Response:
    form = FormState(do)
    if draft and (kept := draft_of(session, staff.username, do, str(case_id))):
        form = FormState(do, typed_in(kept), drafted_at=kept.saved_at)
    return show_case(request, session, staff, case_id, form, now=now)


@router.get("/{case_id}/forms/{name}")
def form_alone(
    request: Request, case_id: RowId, name: str, staff: CaseWorker, session: ReadSession, now: Now
) -> Response:
    """Render one form of the page, which a script opens in place."""
    view = read_case(session, case_id, now)
    return fragment(
        request,
        "cases/_open_form.html",
        staff=staff,
        file=view.file,
        form=FormState(name),
        currency=view.file.book.currency,
        names=view.names,
        standing=open_items(view, staff, now),
        is_manager=staff.role is Role.MANAGER,
        answerable=may_answer(view, now),
        options=_options(
            view,
            staff.role,
            _letters(request, session, view, name, now),
            _plan(session, view, name, staff.role, reader_locale(request)),
            reader_locale(request),
            _knowledge(request, session, view, FormState(name), now),
        ),
    )


@router.get("/{case_id}/ledger.csv")
def ledger_csv(case_id: RowId, _staff: CaseReader, session: StreamSession, now: Now) -> Response:
    """Every entry of every account of the case, oldest first, each with its account's running balance."""
    file = open_case_file(session, case_id, now)
    header = (
        "account", "effective_on", "posted_on", "kind", "amount", "balance", "currency", "reference", "source",
        "description",
    )  # fmt: skip
    references = {account.id: account.reference for account in file.accounts}
    currency = file.book.currency
    rows = (
        (
            references[line.account_id],
            line.effective_on,
            line.posted_on,
            line.kind.value,
            to_decimal_string(line.amount_minor, currency),
            to_decimal_string(line.balance_minor, currency),
            currency,
            line.reference,
            line.source,
            line.description,
        )
        for line in ledger_lines(session, file.account_ids, newest_first=False)
    )
    return csv_download(f"{case_reference(case_id)}-ledger.csv", header, rows)


@dataclass(frozen=True, slots=True)
class CasePage(Page):
    template = "cases/case.html"
    file: CaseFile
    now: datetime
    who: CustomerLine
    head: Header
    bucket: str
    bucket_tone: Tone
    gate: Sequence[GateRow]
    why: Sequence[GateReason]
    needs: NeedsPanel
    script: ScriptPanel
    pack: Pack
    tab: str
    tabs: Sequence[tuple[str, str, bool]]
    reader: PageReader
    there: PageReader
    today_there: date
    currency: str
    names: Mapping[str, str]
    standing: OpenItems
    plan_parts: Mapping[int, Sequence[Instalment]]
    can_write: bool
    is_manager: bool
    form: FormState
    answerable: InboundMessage | None
    options: CaseOptions
    outcome: OutcomeBar
    words: Mapping[str, object]
    tones: Mapping[str, object]
    colleagues: Sequence[Colleague]
    record: CaseTab
    beat_seconds: int = BEAT_SECONDS


def case_page(
    request: Request, session: Session, staff: Staff, file: CaseFile, form: FormState,
    *, now: datetime, status: int = 200,
) -> Response:  # fmt: skip
    """The page after a form: with what was typed, and with the figures of this moment."""
    return show_case(request, session, staff, id_of(file.case), form, now=now, status=status)


def show_case(
    request: Request,
    session: Session,
    staff: Staff,
    case_id: int,
    form: FormState,
    *,
    now: datetime,
    status: int = 200,
) -> Response:
    """Render the whole page."""
    tab = tab_named(request.query_params.get("tab", ""))
    view = read_case(session, case_id, now, with_contacts=tab == "contacts")
    file = view.file
    reader, works = _reader(request, view, staff), staff.role in CASEWORK
    asked = may_contact(view, now, works=True)
    gate, head = [without_persons(row, works=works) for row in asked], header_of(view, asked, now)
    return page(
        request,
        CasePage(
            file=file,
            now=now,
            who=_who(file, reader.locale, now),
            head=head,
            bucket=bucket_of(file.days, file.book.edges),
            bucket_tone=bucket_tone(file.days),
            gate=gate,
            why=told_once(gate),
            needs=needs_panel(view, staff),
            script=script_panel(
                session,
                view,
                ports_of(request).catalog,
                _languages(view, reader.locale),
                staff.by,
                now,
                is_stopped=head.stop is not None and head.stop.calls,
            ),  # fmt: skip
            pack=view.pack,
            tab=tab,
            tabs=[(label, f"{file.path}?tab={name}#record", name == tab) for name, label in TABS.items()],
            reader=reader,
            there=PageReader(reader.locale, reader.currency, file.zone),
            today_there=local_date(now, file.zone),
            currency=file.book.currency,
            names=view.names,
            standing=open_items(view, staff, now),
            plan_parts=view.parts,
            can_write=works,
            is_manager=staff.role is Role.MANAGER,
            form=form,
            answerable=may_answer(view, now),
            options=_options(
                view,
                staff.role,
                _letters(request, session, view, form.opened, now),
                _plan(session, view, form.opened, staff.role, reader.locale),
                reader.locale,
                _knowledge(request, session, view, form, now),
            ),
            outcome=bar_of(request, view, form, reader, now),
            words=WORDS,
            tones={"plan": PLAN_TONES},
            colleagues=colleagues(view.viewers(now, but=staff.username), view.names),
            record=tab_content(request, session, view, reader, tab, works=works),
        ),
        status,
        view.sight(staff),
    )


def _reader(request: Request, view: CaseView, staff: Staff) -> PageReader:
    file = view.file
    return PageReader(
        reader_locale(request), file.book.currency, file.portfolio.timezone, view.names, sight=view.sight(staff)
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CustomerLine:
    language: str
    country: str
    local_time: str


def _languages(view: CaseView, locale: Locale) -> list[tuple[str, str]]:
    """The customer's language and the agent's, each in words."""
    own = view.file.customer.language
    agent = str(locale).replace("_", "-")
    return [(own, language_words(own, locale)), (agent, language_words(agent, locale))]


def _who(file: CaseFile, locale: Locale, now: datetime) -> CustomerLine:
    local = now.astimezone(ZoneInfo(file.zone))
    country = locale.territories.get(file.customer.country, file.customer.country)
    return CustomerLine(
        language=language_words(file.customer.language, locale),
        country=str(country),
        local_time=str(format_datetime(local, "EEE HH:mm", locale=locale)),
    )


@dataclass(frozen=True, slots=True)
class CaseOptions:
    """Choices and first values of the forms."""

    holds: Sequence[tuple[str, str]]
    protects_rate: bool
    """A hold caps what the customer's debts of before it bear."""
    people: Sequence[tuple[str, str]]
    to_ask: str
    today: str
    promise_latest: str
    first_due: str
    review: str
    longest_answer: int
    contact: Mapping[str, object]
    contact_was: str
    contact_fields: Sequence[tuple[str, str, int]]
    languages: Sequence[tuple[str, str]]
    """The customer's language first, then those in which there are letters."""
    plan: PlanChoices
    max_discount: int
    accounts: Sequence[tuple[str, str]]
    letters: LetterOptions
    late_balance: int
    settle_latest: str
    settle_days: int
    promise_days: int
    cadences: Sequence[tuple[str, str]]
    knowledge: KnowledgePanel | None
    escalation_reasons: Sequence[tuple[str, str]]


def _options(
    view: CaseView,
    role: Role,
    letters: LetterOptions,
    plan: PlanChoices,
    locale: Locale,
    knowledge: KnowledgePanel | None,
) -> CaseOptions:
    """Choices and first values of the forms."""
    file = view.file
    today = file.book.today
    contact = {name: getattr(file.customer, name) for name in CONTACT}
    return CaseOptions(
        holds=[(kind.value, HOLD_LABELS[kind]) for kind in HoldKind],
        protects_rate=view.pack.protected_rate is not None,
        people=view.assignable,
        escalation_reasons=[(reason.value, label) for reason, label in REASON_LABELS.items()],
        to_ask=to_decimal_string(file.to_ask, file.book.currency) if file.to_ask else "",
        today=today.isoformat(),
        promise_latest=(today + timedelta(days=file.portfolio.promise_days)).isoformat(),
        first_due=(today + timedelta(days=14)).isoformat(),
        review=(today + timedelta(days=30)).isoformat(),
        longest_answer=LONGEST_ANSWER,
        contact=contact,
        contact_was=json.dumps(contact),
        contact_fields=[(name, CONTACT_LABELS[name], CONTACT_LIMITS[name]) for name in CONTACT],
        languages=[
            (tag, language_words(tag, locale))
            for tag in dict.fromkeys((file.customer.language, *(each.lower() for each in LOCALES)))
        ],
        plan=plan,
        max_discount=discount_limit(file.portfolio, role),
        accounts=[(str(id_of(each)), f"{each.product} ending {each.card_last4}") for each in file.accounts],
        letters=letters,
        late_balance=sum(stands.balance for _, stands in file.worked_accounts if stands.owed > 0),
        settle_latest=(today + timedelta(days=file.portfolio.settlement_days)).isoformat(),
        settle_days=file.portfolio.settlement_days,
        promise_days=file.portfolio.promise_days,
        cadences=PAID_EVERY,
        knowledge=knowledge,
    )


def _letters(request: Request, session: Session, view: CaseView, opened: str, now: datetime) -> LetterOptions:
    """Letters for this customer, where their form is open: the gate is asked about each."""
    return letter_options(request, session, view.file, now) if opened == "letter" else NO_LETTERS


def _plan(session: Session, view: CaseView, opened: str, role: Role, locale: Locale) -> PlanChoices:
    """Kinds and limits of a plan, where its form is open."""
    file = view.file
    if opened != "plan":
        return NO_PLAN
    reader = PageReader(locale, file.book.currency, file.portfolio.timezone)
    return plan_choices(session, file, role, reader)


def _knowledge(
    request: Request, session: Session, view: CaseView, form: FormState, now: datetime
) -> KnowledgePanel | None:
    """Articles that answer a question, where their panel is open."""
    if form.opened != "knowledge":
        return None
    letters = ports_of(request).catalog
    return knowledge_panel(session, view, letters, form.values, reader_locale(request), now=now)
