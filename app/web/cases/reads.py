"""Everything that the case page shows of one customer, in two statements (long by design: one list of what it reads).

The first reads the case with its customer and portfolio, the second all that belongs to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import Session

from app.book.customers.models import WithheldPlace
from app.book.customers.queries import Point, list_points
from app.book.delinquency.one_customer.reads import StandingReads
from app.book.ledger.models import Account, Customer, Entry, Waiver
from app.book.ledger.queries import keeps_agreements
from app.book.ledger.rules import EntryKind, WaiverStatus, is_worked
from app.book.portfolios.models import DailyRun, Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalStatus
from app.casework.cases.debt import debt_of
from app.casework.cases.events import CallLogged, IdentityChecked
from app.casework.cases.models import CallTask, CollectionsCase, case_reference
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.models import PlannedContact
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.casework.disputes.models import Dispute
from app.casework.escalations.models import Escalation
from app.casework.hand_overs.models import DeskHandOver
from app.casework.parties.models import ThirdParty
from app.casework.parties.queries import speaker
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import LIVE, Instalment
from app.casework.plans.tracking.payments import came_since
from app.casework.presence.models import OpenPage
from app.casework.presence.rules import Viewer, viewer_of
from app.casework.questions.models import CaseQuestion
from app.casework.results.models import ResultCodeVersion
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.queries import SeenNeeds, seen_by
from app.casework.support_needs.sight import sight_with
from app.core.clock import local_date
from app.core.database.engine import UtcDateTime, table_of
from app.core.database.together import Found, Reads
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import CASEWORK, Staff
from app.core.timeline.models import Event
from app.core.timeline.sight import Sight
from app.inbound.answers import ANSWERABLE_FOR
from app.inbound.rules import InboundSource
from app.legal.referrals.models import ENDED, Referral
from app.outreach.gate.one_customer.reads import GateReads
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import TO_CUSTOMERS, OutboxStatus
from app.outreach.strategy.models import StrategyTask
from app.policy.composition import packs_for
from app.policy.facts import Facts
from app.policy.pack import Pack
from app.web.cases.case_file import CaseFile
from app.web.cases.tabs.contacts import contact_reads
from app.web.lookups import portfolio_today

CALLS = 100
"""Calls looked back on for the last right-party contact."""


class CaseReads:
    """The reads of the case page. Another panel that is needed for the call adds one here."""

    def __init__(self) -> None:
        reads = self.reads = Reads()
        customer = sa.bindparam("customer_id", type_=sa.BigInteger)
        case_id = sa.bindparam("case_id", type_=sa.BigInteger)
        self.standing = StandingReads(reads, customer)
        self.gate = GateReads(reads, customer)
        plan, part, task = table_of(Plan), table_of(PlanInstalment), table_of(CallTask)
        self.plans = reads.all(Plan, plan.c.customer_id == customer, order_by=plan.c.id.desc())
        self.parts = reads.rows(
            sa.select(part.c.plan_id, part.c.n, part.c.due_on, part.c.amount_minor)
            .join(plan, plan.c.id == part.c.plan_id)
            .where(plan.c.customer_id == customer)
            .order_by(part.c.plan_id, part.c.n)
        )
        entry, account, event = table_of(Entry), table_of(Account), table_of(Event)
        theirs = sa.select(account.c.id).where(account.c.customer_id == customer)
        self.paid_on_plan = reads.rows(
            sa.select(sa.cast(-sa.func.sum(entry.c.amount_minor), sa.BigInteger).label("paid"))
            .select_from(entry)
            .join(plan, came_since())
            .where(
                entry.c.effective_on <= sa.bindparam("today", type_=sa.Date),
                plan.c.case_id == case_id,
                plan.c.status.in_(LIVE),
                entry.c.account_id.in_(theirs),
                keeps_agreements(),
            )
        )
        undone = entry.alias("undone")
        self.last_payment = reads.rows(
            sa.select(entry.c.amount_minor, entry.c.effective_on)
            .where(
                entry.c.account_id.in_(theirs),
                entry.c.kind == EntryKind.PAYMENT,
                ~sa.exists().where(undone.c.reverses_id == entry.c.id),
            )
            .order_by(entry.c.effective_on.desc(), entry.c.id.desc())
            .limit(1)
        )
        self.calls = reads.rows(
            sa.select(event.c.id, event.c.at, event.c.by, event.c.data)
            .where(event.c.customer_id == customer, event.c.kind == CallLogged.KIND)
            .order_by(event.c.id.desc())
            .limit(CALLS)
        )
        case = table_of(CollectionsCase)
        self.open_cases = reads.rows(
            sa.select(case.c.id).where(
                case.c.customer_id == customer, case.c.status == CaseStatus.OPEN, case.c.id != case_id
            )
        )
        self.call_tasks = reads.all(
            CallTask, task.c.case_id == case_id, task.c.done_at.is_(None),
            order_by=task.c.due_on, limit=1,
        )  # fmt: skip
        todo, referral = table_of(StrategyTask), table_of(Referral)
        self.tasks = reads.all(
            StrategyTask, todo.c.case_id == case_id, todo.c.done_at.is_(None), order_by=todo.c.id
        )
        self.referrals = reads.all(Referral, referral.c.case_id == case_id, referral.c.status.not_in(ENDED))
        dispute = table_of(Dispute)
        self.disputes = reads.all(
            Dispute, dispute.c.customer_id == customer, dispute.c.outcome.is_(None), order_by=dispute.c.id
        )
        asked, waiver = table_of(ApprovalRequest), table_of(Waiver)
        self.requests = reads.all(
            ApprovalRequest,
            asked.c.case_id == case_id,
            asked.c.status == ApprovalStatus.REQUESTED,
            order_by=asked.c.id,
        )
        self.waivers = reads.rows(
            sa.select(
                waiver.c.id,
                waiver.c.amount_minor,
                waiver.c.reason,
                waiver.c.requested_by,
                waiver.c.requested_at,
            )
            .where(waiver.c.account_id.in_(theirs), waiver.c.status == WaiverStatus.REQUESTED)
            .order_by(waiver.c.id)
        )
        message, inbound, match = table_of(OutboxMessage), table_of(InboundMessage), table_of(InboundMatch)
        contact = table_of(PlannedContact)
        self.queued = reads.rows(
            sa.select(
                message.c.id,
                message.c.destination,
                message.c.letter,
                message.c.not_before,
                message.c.created_at,
                sa.func.coalesce(contact.c.step, "").label("step"),
                contact.c.plan_id,
            )
            .outerjoin(contact, contact.c.id == message.c.contact_id)
            .where(
                message.c.customer_id == customer,
                message.c.status == OutboxStatus.QUEUED,
                message.c.destination.in_(TO_CUSTOMERS),
            )
            .order_by(message.c.id)
        )
        wrote = sa.select(*inbound.c).join(match, match.c.message_id == inbound.c.id)
        wrote = wrote.where(match.c.customer_id == customer)
        self.replies = reads.whole(
            InboundMessage,
            wrote.where(inbound.c.reviewed_at.is_(None)).order_by(inbound.c.id.desc()).limit(20),
        )
        question = table_of(CaseQuestion)
        self.questions = reads.all(
            CaseQuestion,
            question.c.customer_id == customer,
            question.c.answered_at.is_(None),
            order_by=question.c.id,
        )
        escalation = table_of(Escalation)
        self.escalations = reads.all(
            Escalation, escalation.c.case_id == case_id, escalation.c.ended_at.is_(None)
        )
        handed = table_of(DeskHandOver)
        self.hand_overs = reads.all(
            DeskHandOver,
            handed.c.customer_id == customer,
            handed.c.ended_at.is_(None),
            order_by=handed.c.due_on,
        )
        holder = table_of(Customer)
        self.answerable = reads.whole(
            InboundMessage,
            wrote.join(holder, holder.c.id == match.c.customer_id)
            .where(
                inbound.c.source == InboundSource.SMS,
                inbound.c.sender == holder.c.mobile,
                inbound.c.received_at > sa.bindparam("answerable_since", type_=UtcDateTime),
            )
            .order_by(inbound.c.received_at.desc(), inbound.c.id.desc())
            .limit(1),
        )
        version = table_of(ResultCodeVersion)
        self.codes = reads.rows(
            sa.select(version.c.text)
            .join(holder, holder.c.portfolio_id == version.c.portfolio_id)
            .where(holder.c.id == customer)
            .order_by(version.c.number.desc())
            .limit(1)
        )
        need, place = table_of(SupportNeed), table_of(WithheldPlace)
        self.needs = reads.all(SupportNeed, need.c.customer_id == customer, order_by=need.c.id)
        self.places = reads.all(
            WithheldPlace, place.c.customer_id == customer, place.c.ended_at.is_(None), order_by=place.c.id
        )
        party = table_of(ThirdParty)
        self.parties = reads.all(ThirdParty, party.c.customer_id == customer, order_by=party.c.id.desc())
        page = table_of(OpenPage)
        self.viewers = reads.rows(
            sa.select(page.c.username, page.c.seen_at, page.c.calling_since)
            .where(page.c.case_id == case_id)
            .order_by(page.c.username)
        )
        self.identity = reads.rows(
            sa.select(event.c.at, event.c.by, event.c.data)
            .where(event.c.customer_id == customer, event.c.kind == IdentityChecked.KIND)
            .order_by(event.c.id.desc())
            .limit(1)
        )
        user = table_of(User)
        self.staff = reads.rows(
            sa.select(user.c.username, user.c.display_name, user.c.role, user.c.active).order_by(
                user.c.display_name
            )
        )


CASE_READS = CaseReads()


@lru_cache
def _with_contacts() -> Reads:
    """The reads of the page and those of its first tab."""
    return CASE_READS.reads.joined(contact_reads().reads)


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with all that its page shows of it."""

    file: CaseFile
    found: Found
    pack: Pack
    facts: Facts

    @property
    def is_known(self) -> bool:
        """Any file or person has told what this customer owes."""
        return CASE_READS.standing.is_known(self.found)

    @property
    def names(self) -> dict[str, str]:
        """Map user names to the names that colleagues know."""
        return {row.username: row.display_name for row in self.found[CASE_READS.staff]}

    @property
    def points(self) -> list[Point]:
        """Return every number and address, the main ones first, as `points_of` does."""
        return list_points(self.file.customer, self.found[CASE_READS.gate.points])

    @property
    def representative(self) -> ThirdParty | None:
        """Return the third party who speaks for the customer today, as `representative_of` does."""
        return speaker(self.found[CASE_READS.parties], self.file.book.today)

    def needs(self, staff: Staff) -> SeenNeeds:
        """Return the customer's support needs, as far as this person may see them."""
        return seen_by(self.found[CASE_READS.needs], staff.role, staff.by)

    def sight(self, staff: Staff) -> Sight:
        """Return what this person may see of the customer's events and texts."""
        return sight_with(self.found[CASE_READS.needs], self.found[CASE_READS.places], staff.role, staff.by)

    def viewers(self, now: datetime, *, but: str) -> list[Viewer]:
        """Return the people who have the case open now, those on the telephone first; `but` leaves one user out."""
        rows = [each for each in self.found[CASE_READS.viewers] if each.username != but]
        seen = (viewer_of(each.username, each.seen_at, each.calling_since, now) for each in rows)
        return sorted((each for each in seen if each), key=lambda viewer: viewer.calling_since is None)

    @property
    def assignable(self) -> list[tuple[str, str]]:
        """Return the staff who may work cases, as `assignable` does."""
        staff = self.found[CASE_READS.staff]
        return [(row.username, row.display_name) for row in staff if row.active and row.role in CASEWORK]

    @property
    def codes(self) -> str | None:
        """The text of the portfolio's result codes; None = as shipped."""
        return next((row.text for row in self.found[CASE_READS.codes]), None)

    @property
    def parts(self) -> Mapping[int, Sequence[Instalment]]:
        parts: dict[int, list[Instalment]] = {id_of(plan): [] for plan in self.found[CASE_READS.plans]}
        for plan_id, n, due_on, amount in self.found[CASE_READS.parts]:
            parts[plan_id].append(Instalment(n, due_on, amount))
        return parts


def read_case(session: Session, case_id: int, now: datetime, *, with_contacts: bool = False) -> CaseView:
    """NotFound where there is no such case. `with_contacts`: the tab of contacts will be shown."""
    case, customer, portfolio, last = _owner_of(session, case_id)
    book = portfolio_today(portfolio, last, now)
    pack = packs_for(portfolio, customer)
    found = (_with_contacts() if with_contacts else CASE_READS.reads).fetch(
        session,
        customer_id=id_of(customer),
        case_id=case_id,
        today=book.today,
        history_since=now - timedelta(days=pack.needed.history_days + 1),
        answerable_since=now - ANSWERABLE_FOR,
    )
    standing = CASE_READS.standing
    accounts = found[standing.accounts]
    stands = standing.standings(session, found, portfolio, book.today)
    worked = [stands[id_of(each)] for each in accounts if is_worked(each.status, each.ended_on)]
    has_waivers = bool(found[standing.waived])
    file = CaseFile(case, customer, portfolio, book, accounts, stands, debt_of(worked), has_waivers)
    facts = CASE_READS.gate.facts(
        found,
        customer,
        case,
        pack,
        standing.dated_debts(found),
        now=now,
        today=local_date(now, portfolio.timezone),
    )
    return CaseView(file, found, pack, facts)


class _OwnerReads:
    """A case with its customer and portfolio, and the portfolio's last closed day."""

    def __init__(self) -> None:
        reads = self.reads = Reads()
        case, customer, portfolio = table_of(CollectionsCase), table_of(Customer), table_of(Portfolio)
        closed = table_of(DailyRun)
        this = case.c.id == sa.bindparam("case_id", type_=sa.BigInteger)
        self.cases = reads.all(CollectionsCase, this)
        self.customers = reads.whole(
            Customer, sa.select(*customer.c).join(case, case.c.customer_id == customer.c.id).where(this)
        )
        self.portfolios = reads.whole(
            Portfolio, sa.select(*portfolio.c).join(case, case.c.portfolio_id == portfolio.c.id).where(this)
        )
        self.last = reads.rows(
            sa.select(sa.func.max(closed.c.business_date).label("on"))
            .join(case, case.c.portfolio_id == closed.c.portfolio_id)
            .where(this, closed.c.finished_at.is_not(None))
        )


_OWNER = _OwnerReads()


def _owner_of(session: Session, case_id: int) -> tuple[CollectionsCase, Customer, Portfolio, date | None]:
    found = _OWNER.reads.fetch(session, case_id=case_id)
    if not found[_OWNER.cases]:
        raise NotFound(f"There is no case {case_reference(case_id)}.")
    last: date | None = found[_OWNER.last][0].on
    return found[_OWNER.cases][0], found[_OWNER.customers][0], found[_OWNER.portfolios][0], last
