"""The page of one case: who it is, what they owe, whether they may be contacted now, and all that happened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from fastapi import APIRouter, Path
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.customers.people import CONTACT_LIMITS
from app.book.customers.service import CONTACT
from app.book.delinquency.rules import bucket_of, days_past_due
from app.book.delinquency.service import Now as AccountNow
from app.book.delinquency.service import standing_on
from app.book.ledger.models import Account, Customer, Portfolio
from app.book.ledger.queries import (
    LedgerLine,
    StatementLine,
    accounts_of,
    credits_between,
    ledger_lines,
    paid_since,
    statement_lines,
)
from app.book.ledger.rules import is_worked
from app.casework.cases import queries
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.cases.queries import Book
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import get_case
from app.casework.cases.standing import Standing, together
from app.casework.holds.queries import holds_of, open_holds
from app.casework.plans.models import Plan
from app.casework.plans.offers import offers_that_stand
from app.casework.plans.queries import plans_of
from app.casework.plans.rules import LIVE, SETTLE_WITHIN, Instalment, PlanStatus
from app.casework.plans.service import instalments_of, owed_on_late_accounts
from app.core.clock import local_date
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.staff.models import User
from app.core.staff.rules import CASEWORK, Role, Staff
from app.core.timeline.queries import events_of_customer, last_call
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.http.deps import (
    CaseReader,
    Now,
    ReadSession,
    StreamSession,
    decode_cursor,
    encode_cursor,
    ports_of,
)
from app.inbound.answers import LONGEST_ANSWER, answerable
from app.inbound.queries import messages_of
from app.inbound.service import reading_of
from app.legal.referrals.service import open_referral
from app.outreach.gate.case_facts import reserved_contacts
from app.outreach.gate.service import (
    address_of,
    gather_facts,
    nothing_to_remind_of,
    open_preferences,
    packs_for,
    with_objection,
)
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.outreach.planning.on_demand import sendable_letters
from app.outreach.strategy.queries import open_tasks
from app.policy.rules import LONGEST_CLEARANCE, Clearance, Contact, Reason, Refusals, WaitUntil, review
from app.web.rendering import Tone, csv_download, page, reader_locale
from app.web.wording import (
    CONTACT_LABELS,
    ENTRY_WORDS,
    HOLD_WORDS,
    MEANING_WORDS,
    PLAN_WORDS,
    RESULT_WORDS,
    SHOWN,
    Teller,
    Told,
    fold,
    preference_words,
)
from app.web.worklist.worklist import book_of, bucket_tone, staff_names

router = APIRouter(prefix="/cases")

CaseId = Annotated[int, Path(ge=1, le=2**62)]
EVENTS = 40
LEDGER_LINES = 200
TABS = {
    "timeline": "Timeline",
    "accounts": "Ledger",
    "statements": "Statements",
    "plans": "Plans",
    "holds": "Holds",
    "messages": "Messages",
}
CHANNELS = {Channel.CALL: "Call", Channel.SMS: "SMS", Channel.EMAIL: "E-mail", Channel.POST: "Letter"}
PLAN_TONES: Mapping[PlanStatus, Tone] = {
    PlanStatus.OFFERED: "info",
    PlanStatus.ACTIVE: "good",
    PlanStatus.ACCEPTED: "good",
    PlanStatus.KEPT: "good",
    PlanStatus.BROKEN: "bad",
}
MESSAGE_TONES: Mapping[OutboxStatus, Tone] = {
    OutboxStatus.SENT: "info",
    OutboxStatus.DELIVERED: "good",
    OutboxStatus.UNDELIVERED: "bad",
    OutboxStatus.BOUNCED: "bad",
    OutboxStatus.FAILED: "bad",
    OutboxStatus.WITHHELD: "warn",
    OutboxStatus.UNKNOWN: "warn",
}


@dataclass(frozen=True, slots=True)
class LastNight:
    """The case's figures at the end of the last closed day."""

    on: date
    past_due_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class File:
    """A case, and whom and what it is about."""

    case: CollectionsCase
    customer: Customer
    portfolio: Portfolio
    book: Book
    accounts: list[Account]
    stands: Mapping[int, AccountNow]
    """By account id, with everything posted until now."""
    owes: Standing
    """All accounts that are worked, as of now."""

    @property
    def account_ids(self) -> list[int]:
        return [id_of(account) for account in self.accounts]

    @property
    def zone(self) -> str:
        """The customer's time zone; the portfolio's where it is not known."""
        return self.customer.timezone or self.portfolio.timezone

    @property
    def path(self) -> str:
        return f"/cases/{self.case.id}"

    @property
    def is_open(self) -> bool:
        return self.case.status is CaseStatus.OPEN

    @property
    def days(self) -> int:
        return days_past_due(self.owes.oldest, self.book.today)

    @property
    def to_ask(self) -> int:
        """What the customer may be asked for: past due, on each account never more than its balance."""
        return self.owes.past_due

    @property
    def last_night(self) -> LastNight | None:
        """What the last closed day left, where that is something else than now."""
        case = self.case
        if not self.is_open or (case.past_due_minor, case.balance_minor) == (
            self.owes.past_due,
            self.owes.balance,
        ):
            return None
        return LastNight(self.book.on, case.past_due_minor, case.balance_minor)

    def stands_of(self, account: Account) -> AccountNow:
        return self.stands[id_of(account)]


@dataclass(frozen=True, slots=True)
class AnswerPreview:
    """An SMS as it would be sent, and what it is billed as."""

    text: str
    segments: int
    encoding: str
    cost: str
    """'' = no price is set."""


@dataclass(frozen=True, slots=True)
class FormState:
    """The action a page shows open: what was typed, what is wrong with it, and a schedule if one was asked for."""

    opened: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    schedule: Sequence[Instalment] = ()
    answer: AnswerPreview | None = None
    asks: str = ""
    """What the box has to say that confirms something unusual; '' = nothing is asked."""

    def of(self, form: str) -> FormState:
        """What concerns one of the forms."""
        return self if form == self.opened else FormState()


@router.get("/{case_id}")
def case_file(
    request: Request,
    case_id: CaseId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    do: str = "",
) -> Response:
    return case_page(request, session, staff, open_file(session, case_id, now), FormState(do), now=now)


@router.get("/{case_id}/ledger.csv")
def ledger_csv(case_id: CaseId, _staff: CaseReader, session: StreamSession, now: Now) -> Response:
    """Every entry of every account of the case, oldest first, each with its account's running balance."""
    file = open_file(session, case_id, now)
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


def open_file(session: Session, case_id: int, now: datetime, *, lock: bool = False) -> File:
    """The case with its customer, portfolio and accounts. With `lock`, customer first and then the case, in the
    order everybody takes them."""
    if lock:
        customer_id = get_case(session, case_id).customer_id
        session.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update())
    case = get_case(session, case_id, lock=lock)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    accounts = accounts_of(session, case.customer_id)
    book = book_of(session, portfolio, now)
    stands = standing_on(session, portfolio, [id_of(account) for account in accounts], book.today)
    worked = [stands[id_of(a)] for a in accounts if is_worked(a.status, a.ended_on)]
    return File(
        case=case,
        customer=session.get_one(Customer, case.customer_id),
        portfolio=portfolio,
        book=book,
        accounts=accounts,
        stands=stands,
        owes=together(worked),
    )


def case_page(
    request: Request,
    session: Session,
    staff: Staff,
    file: File,
    form: FormState,
    *,
    now: datetime,
    status: int = 200,
) -> Response:
    """The whole page; after a form that was refused too, so that nothing typed is lost."""
    tab = request.query_params.get("tab", "")
    tab = tab if tab in TABS else "timeline"
    names = staff_names(session)
    teller = Teller(reader_locale(request), file.book.currency, file.portfolio.timezone, names)
    plans = plans_of(session, [id_of(case) for case in queries.cases_of(session, id_of(file.customer))])
    return page(
        request,
        "case/case.html",
        status,
        file=file,
        now=now,
        who=_who(file, teller.locale, now),
        bucket=bucket_of(file.days, file.book.edges),
        bucket_tone=bucket_tone(file.days),
        gate=may_contact(session, file, now),
        pack=packs_for(file.portfolio, file.customer),
        tab=tab,
        tabs=[(label, f"{file.path}?tab={name}#record", name == tab) for name, label in TABS.items()],
        teller=teller,
        there=Teller(teller.locale, teller.currency, file.zone),
        currency=file.book.currency,
        names=names,
        standing=_standing(session, file, plans),
        last_call=last_call(session, id_of(file.customer)),
        plan_parts=instalments_of(session, [id_of(plan) for plan in plans]),
        can_write=staff.role in CASEWORK,
        is_manager=staff.role is Role.MANAGER,
        form=form,
        answerable=answerable(session, file.customer, now=now),
        options=_options(session, file) | {"letters": _letters(request)},
        words={"entry": ENTRY_WORDS, "hold": HOLD_WORDS, "plan": PLAN_WORDS, "channel": CHANNELS},
        tones={"plan": PLAN_TONES, "message": MESSAGE_TONES},
        **_tab_content(request, session, file, teller, tab, plans),
    )


# --- on top -------------------------------------------------------------------------------------------------


def _who(file: File, locale: Locale, now: datetime) -> dict[str, str]:
    local = now.astimezone(ZoneInfo(file.zone))
    try:
        language = Locale.parse(file.customer.language, sep="-").get_display_name(locale)
    except (UnknownLocaleError, ValueError):
        language = file.customer.language
    country = locale.territories.get(file.customer.country, file.customer.country)
    return {
        "language": str(language or file.customer.language),
        "country": str(country),
        "local_time": str(format_datetime(local, "EEE HH:mm", locale=locale)),
    }


@dataclass(frozen=True, slots=True)
class GateRow:
    """The gate's answer for one channel at this moment."""

    channel: Channel
    label: str
    address: str
    verdict: str
    """`yes`, `wait` or `no`."""
    until: datetime | None
    """yes: until when; wait: from when. None = no end in sight."""
    reasons: tuple[Reason, ...]
    consent: bool | None
    review_on: date | None = None
    """When somebody looks at the hold that no date ends; None = there is none."""


def may_contact(session: Session, file: File, now: datetime) -> list[GateRow]:
    """What the gate says to an ordinary reminder on each channel; nothing is sent and nothing recorded.

    The same question as `compliance.service.explain`, with the facts gathered once for all channels. Messages that are
    queued already count.
    """
    pack = packs_for(file.portfolio, file.customer)
    who = id_of(file.customer)
    reserved = reserved_contacts(session, file.portfolio, [who], now=now)
    facts = gather_facts(session, [file.customer], pack, now=now, reserved=reserved)[who]
    nothing = _nothing_to_remind_of(session, file, now)
    rows = []
    for channel, label in CHANNELS.items():
        address = address_of(file.customer, channel)
        answer = review(Contact(channel, Purpose.REMINDER, address), facts, pack, now)
        if nothing:
            answer = with_objection(answer, nothing)
        reasons: tuple[Reason, ...] = ()
        if isinstance(answer, Clearance):
            closes = answer.not_after
            verdict, until = "yes", closes if closes < now + LONGEST_CLEARANCE else None
        elif isinstance(answer, WaitUntil):
            verdict, until, reasons = "wait", answer.at, answer.reasons
        else:
            verdict, until, reasons = "no", None, answer.reasons
        lines = [line for line in address.split("\n") if line != file.customer.full_name]
        shown = ", ".join(lines) if channel is Channel.POST else address
        review_on = answer.review_on if isinstance(answer, Refusals) else None
        consent = facts.consent.get(channel)
        shown_first = weightiest_first(reasons)
        rows.append(GateRow(channel, label, shown, verdict, until, shown_first, consent, review_on))
    return rows


def weightiest_first(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Those with no end before those that end by themselves, the last first: under "do not contact" nobody is to read
    of a limit that is over tomorrow."""
    latest = datetime.max.replace(tzinfo=UTC)
    return tuple(sorted(reasons, key=lambda reason: reason.until or latest, reverse=True))


def _nothing_to_remind_of(session: Session, file: File, now: datetime) -> Reason | None:
    nothing = nothing_to_remind_of(session, file.portfolio, file.customer, at=now)
    if nothing or file.is_open:
        return nothing
    sentence = f"case {file.case.reference} is closed"
    return Reason("desk.case_closed", "a closed case is not worked", sentence, "house", verified=True)


def _standing(session: Session, file: File, plans: Sequence[Plan]) -> dict[str, Any]:
    """What is in force: live plan, offers that wait for an answer, holds, call tasks, referral."""
    case_id = id_of(file.case)
    live = next((plan for plan in plans if plan.case_id == case_id and plan.status in LIVE), None)
    holds = open_holds(session, [file.case.customer_id])
    return {
        "live": live,
        "paid": paid_since(session, file.account_ids, live.accepted_on, file.book.today)
        if live and live.accepted_on
        else 0,
        "offers": offers_that_stand(
            session, [plan for plan in plans if plan.case_id == case_id], file.book.today
        ),
        "holds": holds.get(file.case.customer_id, []),
        "preferences": [
            (told.id, preference_words(told)) for told in open_preferences(session, file.case.customer_id)
        ],
        "call": queries.next_calls(session, [case_id]).get(case_id),
        "referral": open_referral(session, case_id),
        "tasks": open_tasks(session, case_id),
        "queued": _queued(session, file),
        "replies": [each for each in messages_of(session, file.case.customer_id) if each.reviewed_at is None],
    }


def _options(session: Session, file: File) -> dict[str, Any]:
    """What the forms offer and start from."""
    today = file.book.today
    contact = {name: getattr(file.customer, name) for name in CONTACT}
    return {
        "results": list(RESULT_WORDS.items()),
        "holds": [(kind.value, HOLD_WORDS[kind.value]) for kind in HoldKind],
        "people": list(assignable(session).items()),
        "to_ask": to_decimal_string(file.to_ask, file.book.currency) if file.to_ask else "",
        "today": today.isoformat(),
        "promise_latest": (today + timedelta(days=60)).isoformat(),
        "first_due": (today + timedelta(days=14)).isoformat(),
        "review": (today + timedelta(days=30)).isoformat(),
        "longest_answer": LONGEST_ANSWER,
        "contact": contact,
        "contact_was": json.dumps(contact),
        "contact_fields": [(name, CONTACT_LABELS[name], CONTACT_LIMITS[name]) for name in CONTACT],
        "max_months": file.portfolio.agent_max_instalments,
        "max_discount": file.portfolio.agent_max_discount_percent,
        "late_balance": owed_on_late_accounts(session, file.case, file.book.today),
        "settle_latest": (today + timedelta(days=SETTLE_WITHIN)).isoformat(),
    }


def _letters(request: Request) -> list[tuple[str, str]]:
    """What may be sent by hand, (code, title)."""
    stationery = ports_of(request).stationery
    return [(code, stationery.letters[code].title) for code in sendable_letters(stationery)]


def assignable(session: Session) -> dict[str, str]:
    """Whoever may work cases: user name -> name."""
    query = select(User).where(col(User.active).is_(True), col(User.role).in_(CASEWORK))
    return {user.username: user.display_name for user in session.scalars(query.order_by(User.display_name))}


# --- tabs ---------------------------------------------------------------------------------------------------


def _tab_content(
    request: Request, session: Session, file: File, teller: Teller, tab: str, plans: Sequence[Plan]
) -> dict[str, Any]:
    match tab:
        case "accounts":
            return _ledger_tab(request, session, file)
        case "statements":
            return {"statements": _statements(session, file)}
        case "plans":
            return {"plans": plans}
        case "holds":
            return {"holds": holds_of(session, file.case.customer_id)}
        case "messages":
            return {"thread": _thread(session, file), "meaning_words": MEANING_WORDS}
    return _timeline_tab(request, session, file, teller)


def _timeline_tab(request: Request, session: Session, file: File, teller: Teller) -> dict[str, Any]:
    """Events and the credits of the ledger, merged by day. A page's cursor is the last event and its day."""
    show = request.query_params.get("show", "")
    kinds = SHOWN[show][1] if show in SHOWN else ()
    position = decode_cursor(request.query_params.get("cursor"), 2)
    before, upto = _position(position)
    events, following = events_of_customer(
        session, file.case.customer_id, kinds=kinds, before=before, limit=EVENTS
    )
    zone = file.portfolio.timezone
    reached = local_date(events[-1].at, zone) if following is not None else None
    # Everything is folded to what a person would tell; a filter shows each event by itself.
    folded = [(event, 1) for event in events] if show else fold(events)
    told = [(local_date(event.at, zone), 1, teller.tell(event, times)) for event, times in folded]
    if show in ("", "money"):
        since = reached + timedelta(days=1) if reached else None
        credits = credits_between(session, file.account_ids, since, upto or file.book.today)
        # Entries posted by hand have their own event.
        fed = [entry for entry in credits if entry.source.startswith("feed:")]
        told += [(entry.effective_on, 0, teller.tell_entry(entry)) for entry in fed]
    told.sort(key=lambda item: item[:2], reverse=True)
    lines: list[Told] = [line for _, _, line in told]
    keys = [line.key for line in lines if line.key]
    found = session.scalars(select(OutboxMessage).where(col(OutboxMessage.key).in_(keys)))
    return {
        "show": show,
        "shown": SHOWN,
        "lines": lines,
        "texts": {message.key: message for message in found},
        "next_cursor": encode_cursor(following, reached.isoformat()) if following and reached else None,
    }


def _position(values: Sequence[Any] | None) -> tuple[int | None, date | None]:
    if values is None:
        return None, None
    try:
        return min(int(values[0]), 2**62), date.fromisoformat(values[1])
    except (TypeError, ValueError):
        return None, None


def _ledger_tab(request: Request, session: Session, file: File) -> dict[str, Any]:
    wanted = request.query_params.get("account", "")
    chosen = next((account for account in file.accounts if account.reference == wanted), None)
    if wanted and chosen is None:
        raise NotFound("this case has no such account")
    chosen = chosen or next((a for a in file.accounts if file.stands_of(a).past_due), file.accounts[0])
    lines: list[LedgerLine] = list(
        ledger_lines(session, [id_of(chosen)], newest_first=True, limit=LEDGER_LINES + 1)
    )
    stands = file.stands_of(chosen)
    late = days_past_due(stands.oldest_due_on, file.book.today)
    return {
        "account": chosen,
        "account_stands": stands,
        "account_days": late,
        "account_bucket": bucket_of(late, file.book.edges),
        "account_tone": bucket_tone(late),
        "ledger": lines[:LEDGER_LINES],
        "ledger_cut": len(lines) > LEDGER_LINES,
    }


@dataclass(frozen=True, slots=True)
class StatementRow:
    line: StatementLine
    still_unpaid: int
    """What of its minimum is past due now."""


def _statements(session: Session, file: File) -> list[tuple[Account, list[StatementRow]]]:
    """Statements by account, the latest first."""
    unpaid: dict[tuple[int, date], int] = {}
    for account_id, stands in file.stands.items():
        for due_on, amount in stands.dues:
            unpaid[account_id, due_on] = unpaid.get((account_id, due_on), 0) + amount
    rows: dict[int, list[StatementRow]] = {}
    for line in statement_lines(session, file.account_ids):
        if line.closing_on > file.book.today:
            continue
        left = unpaid.get((line.account_id, line.due_on), 0)
        rows.setdefault(line.account_id, []).append(StatementRow(line, left))
    return [(account, rows.get(id_of(account), [])) for account in file.accounts]


def _thread(session: Session, file: File) -> list[dict[str, Any]]:
    """What we worded for them and what they wrote, the latest first."""
    ours = [{"at": each.sent_at or each.created_at, "ours": each} for each in _messages(session, file)]
    theirs = [
        {"at": each.received_at, "theirs": each, "intents": reading_of(each).intents}
        for each in messages_of(session, file.case.customer_id)
    ]
    return sorted([*ours, *theirs], key=lambda line: line["at"], reverse=True)


def _queued(session: Session, file: File) -> Sequence[OutboxMessage]:
    """What waits to leave for this customer, and can still be cancelled."""
    query = select(OutboxMessage).where(
        OutboxMessage.customer_id == file.case.customer_id,
        OutboxMessage.status == OutboxStatus.QUEUED,
        OutboxMessage.destination != Destination.LEGAL_DESK,
    )
    return session.scalars(query.order_by(col(OutboxMessage.id))).all()


def _messages(session: Session, file: File) -> list[OutboxMessage]:
    """What was worded for this customer, sent or not, the latest first."""
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
