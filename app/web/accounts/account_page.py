"""The page of one account: what it owes and since when, counted day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.days import DAY
from app.book.delinquency.history import StatementStory, statement_view
from app.book.delinquency.lifecycle import re_age_facts
from app.book.delinquency.re_age import ReAgeRefusal, review_re_age
from app.book.delinquency.trace import TakenBy
from app.book.ledger.corrections.statements import replaced_statements
from app.book.ledger.corrections.waivers import left_to_waive
from app.book.ledger.models import Entry, ReplacedStatement, Statement, Waiver
from app.book.ledger.rules import (
    POSTED_BY_HAND,
    TRANSITIONS,
    WAIVABLE,
    AccountStatus,
    EntryKind,
    WaiverStatus,
)
from app.casework.support_needs.sight import sight_of
from app.core.labels import ENTRY_LABELS
from app.core.money import to_decimal_string
from app.core.staff.drafts import draft_of, typed_in
from app.core.staff.rules import CASEWORK, Role, Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.policy.composition import pack_of
from app.web.accounts.account_file import AccountFile, DayCount, day_count, open_account
from app.web.accounts.account_tabs import TABS, LateTab, LedgerTab, PastDayTab, RecordTab, tab_content
from app.web.accounts.words import PAUSE_WORDS, STATUS_WORDS
from app.web.forms import FormState
from app.web.lookups import bucket_tone, staff_names
from app.web.rendering import Page, Tone, page
from app.web.timeline import PageReader

router = Router(prefix="/accounts")
TAKEN_WORDS = {
    TakenBy.RE_AGE: "re-aged",
    TakenBy.POSITION: "not in the creditor’s figures",
    TakenBy.END: "ended with the account",
}


@router.get("/{account_id}")
def account_file(
    request: Request,
    account_id: RowId,
    staff: CaseReader,
    session: ReadSession,
    now: Now,
    do: str = "",
    entry: int = 0,
    draft: str = "",
) -> Response:
    """`do` opens one of the forms, `entry` names the entry it is about; with `draft`, as it was kept."""
    file = open_account(session, account_id, now)
    form = FormState(do, {"entry": str(entry)} if entry else {})
    subject = f"account-{account_id}" + (f"-entry-{entry}" if entry else "")
    if draft and (kept := draft_of(session, staff.username, do, subject)):
        form = replace(form, values={**typed_in(kept), **form.values}, drafted_at=kept.saved_at)
    return account_page(request, session, staff, file, form, now=now)


@dataclass(frozen=True, slots=True)
class AccountPage(Page):
    template = "accounts/account.html"
    file: AccountFile
    now: datetime
    tab: str
    tabs: Sequence[tuple[str, str, bool]]
    bucket: str
    bucket_tone: Tone
    day_count: DayCount | None
    stories: Sequence[StatementStory]
    oldest: StatementStory | None
    upcoming: StatementStory | None
    replaced_statements: Sequence[ReplacedStatement]
    still_owed: int
    taken_words: Mapping[TakenBy, str]
    one_day: timedelta
    reader: PageReader
    currency: str
    status_words: Mapping[AccountStatus, tuple[str, Tone]]
    pause_words: Mapping[str, str]
    entry_words: Mapping[str, str]
    can_write: bool
    is_manager: bool
    form: FormState
    chosen_entry: ChosenEntry | None
    options: AccountOptions
    record: LedgerTab | LateTab | RecordTab | PastDayTab | None


def account_page(
    request: Request,
    session: Session,
    staff: Staff,
    file: AccountFile,
    form: FormState,
    *,
    now: datetime,
    status: int = 200,
) -> Response:
    """Render the whole page, also after a refused form, so that nothing typed is lost."""
    tab = request.query_params.get("tab", "")
    tab = tab if tab in TABS else "statements"
    names = staff_names(session)
    sight = sight_of(session, file.account.customer_id, staff.role, staff.by)
    reader = PageReader(reader_locale(request), file.currency, file.portfolio.timezone, names, sight=sight)
    stories = statement_view(session, file.id, file.book.today)
    return page(
        request,
        AccountPage(
            file=file,
            now=now,
            tab=tab,
            tabs=[(label, f"{file.path}?tab={name}#record", name == tab) for name, label in TABS.items()],
            bucket=file.stands.bucket,
            bucket_tone=bucket_tone(file.days),
            day_count=day_count(file),
            stories=stories[::-1],
            oldest=next((story for story in stories if story.is_late), None),
            upcoming=next((story for story in stories if story.open_minor and not story.is_late), None),
            replaced_statements=replaced_statements(session, file.id) if tab == "statements" else [],
            still_owed=file.still_owed,
            taken_words=TAKEN_WORDS,
            one_day=DAY,
            reader=reader,
            currency=file.currency,
            status_words=STATUS_WORDS,
            pause_words=PAUSE_WORDS,
            entry_words=ENTRY_LABELS,
            can_write=staff.role in CASEWORK,
            is_manager=staff.role is Role.MANAGER,
            form=form,
            chosen_entry=chosen_entry(session, file, form),
            options=_options(session, file, staff),
            record=tab_content(request, session, file, reader, tab),
        ),
        status,
    )


@dataclass(frozen=True, slots=True)
class ChosenEntry:
    """An entry to be corrected, and the corrections it allows."""

    entry: Entry
    is_reversed: bool
    left_to_waive: int
    """Minor units; 0 for what cannot be waived."""

    @property
    def can_move(self) -> bool:
        return not self.is_reversed and self.entry.kind in (EntryKind.PAYMENT, EntryKind.RECOVERY)

    @property
    def can_reverse(self) -> bool:
        return not self.is_reversed and self.entry.kind is not EntryKind.REVERSAL


def chosen_entry(session: Session, file: AccountFile, form: FormState) -> ChosenEntry | None:
    entry_id = form.values.get("entry", "")
    entry = session.get(Entry, int(entry_id)) if entry_id.isdigit() and len(entry_id) < 19 else None
    if entry is None or entry.account_id != file.id:
        return None
    is_reversed = session.scalar(select(Entry.id).where(Entry.reverses_id == entry.id)) is not None
    waivable = entry.kind in WAIVABLE and entry.amount_minor > 0 and not is_reversed
    return ChosenEntry(entry, is_reversed, left_to_waive(session, entry) if waivable else 0)


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """Choices and first values of the forms."""

    kinds: Sequence[tuple[str, str]]
    statuses: Sequence[tuple[str, str]]
    pauses: Sequence[tuple[str, str]]
    statements: Sequence[tuple[str, str]]
    waiting: Sequence[Waiver]
    today: str
    opened: str
    overpaid: str
    re_age_refusals: Sequence[ReAgeRefusal]


def _options(session: Session, file: AccountFile, staff: Staff) -> AccountOptions:
    """Choices and first values of the forms."""
    waiting = select(Waiver).where(Waiver.account_id == file.id, col(Waiver.status) == WaiverStatus.REQUESTED)
    is_manager = staff.role is Role.MANAGER
    return AccountOptions(
        kinds=[
            (kind.value, ENTRY_LABELS[kind]) for kind, roles in POSTED_BY_HAND.items() if staff.role in roles
        ],
        statuses=[
            (to.value, STATUS_WORDS[to][0]) for to in AccountStatus if to in TRANSITIONS[file.account.status]
        ],
        pauses=list(PAUSE_WORDS.items()),
        statements=[
            (each.reference, f"{each.reference}, closed {each.closing_on.isoformat()}")
            for each in session.scalars(
                select(Statement)
                .where(Statement.account_id == file.id)
                .order_by(col(Statement.closing_on).desc(), col(Statement.id).desc())
                .limit(60)
            )
        ],
        waiting=list(session.scalars(waiting.order_by(col(Waiver.id)))),
        today=file.book.today.isoformat(),
        opened=file.account.opened_on.isoformat(),
        overpaid=to_decimal_string(file.overpaid_minor, file.currency) if file.overpaid_minor else "",
        re_age_refusals=_re_age_refusals(session, file) if is_manager and file.stands.past_due else [],
    )


def _re_age_refusals(session: Session, file: AccountFile) -> list[ReAgeRefusal]:
    rule = pack_of(file.portfolio).re_age
    on = file.book.today
    return review_re_age(re_age_facts(session, file.account, rule, on), rule, on)
