"""One agreement with its payments, what came for them, and what it was before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from app.actions.plans.earlier_money import earlier_money
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalStatus
from app.casework.parties.models import ThirdParty
from app.casework.plans.concessions import waived_fees
from app.casework.plans.events import InstalmentEvent, PlanEvent
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.queries import find_plan
from app.casework.plans.rules import LIVE, Instalment, InstalmentChange, PlanStatus, offer_end
from app.casework.plans.terms import AgreementTerms
from app.casework.plans.tracking.payments import progress_of, terms_of
from app.casework.plans.tracking.progress import PlanProgress
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.payload import kinds_under
from app.core.timeline.presenting import TimelineFilter
from app.core.timeline.queries import events_of_customer
from app.outreach.agreements.rates import AccountRate, account_rates
from app.web.cases.case_file import CaseFile
from app.web.cases.plan.lines import Line, lines_of, next_line
from app.web.timeline import payload_in

EVENTS_READ = 200
"""Events of plans looked through for those of this one."""


@dataclass(frozen=True, slots=True)
class PlanFile:
    """An agreement as its page shows it."""

    plan: Plan
    terms: AgreementTerms
    progress: PlanProgress
    lines: Sequence[Line]
    approval: ApprovalRequest | None
    """The request whose approval made the offer."""
    agreed_with: ThirdParty | None
    changes: Sequence[PlanChange]
    earlier: Sequence[Plan]
    """The agreements that this one was renegotiated from, the latest first."""
    later: Plan | None
    """The agreement that took its place."""
    running: Plan | None
    """Another agreement of the case, which runs now."""
    instead: Plan | None
    """An offer that would take its place once it is accepted."""
    replaced: Collection[int]
    """Agreements of the case whose place another one took."""
    others: Sequence[Plan]
    """Other agreements and offers of the case."""
    events: Sequence[Event]
    case_is_open: bool
    earlier_minor: int
    """Money that was paid before it was offered and posted after that."""
    waived_minor: int
    """Fees that it waives, or waived."""
    rates: Sequence[AccountRate]
    """Of an agreement with a lower rate: the rates of each account, as it was made."""
    most_skips: int
    """Payments of an agreement that may be skipped, whoever grants it."""

    @property
    def path(self) -> str:
        return f"/cases/{self.plan.case_id}/plans/{id_of(self.plan)}"

    @property
    def percent(self) -> int:
        """The paid share of the total, in whole per cent, never rounded up to 100."""
        return min(100, self.progress.percent_done)

    @property
    def is_live(self) -> bool:
        return self.plan.status in LIVE

    @property
    def is_offer(self) -> bool:
        """The customer may still accept it."""
        until = self.plan.offer_until or self.lines[0].part.due_on
        stands = offer_end(until, self.progress.on, is_open=self.case_is_open) is None
        return self.plan.status is PlanStatus.OFFERED and stands

    @property
    def next(self) -> Line | None:
        """The payment that is expected next."""
        return next_line(self.lines) if self.is_live or self.plan.status is PlanStatus.OFFERED else None

    @property
    def days_to_next(self) -> int:
        return (self.next.part.due_on - self.progress.on).days if self.next else 0

    @property
    def movable(self) -> Sequence[Line]:
        """Payments that may still be moved or skipped."""
        return [line for line in self.lines if line.is_expected] if self.is_live else ()

    @property
    def skippable(self) -> Sequence[Line]:
        """Payments that may be skipped, as agreed or as a person grants: not the last, with which their amount falls
        due."""
        if self.skips_used >= max(self.plan.skips_allowed, self.most_skips):
            return ()
        return [line for line in self.movable if line.part.due_on < self.last_on]

    @property
    def skips_left(self) -> int:
        """Skips that the agreement still says."""
        return max(0, self.plan.skips_allowed - self.skips_used)

    @property
    def skips_used(self) -> int:
        return sum(change.change is InstalmentChange.SKIPPED for change in self.changes)

    @property
    def agreed_parts(self) -> Sequence[Instalment]:
        """The payments as they were offered, in the order in which they fall due."""
        return [Instalment(line.part.n, line.part.agreed_on, line.part.amount) for line in self.lines]

    @property
    def last_on(self) -> date:
        return max(line.part.due_on for line in self.lines)


def open_plan(session: Session, file: CaseFile, plan_id: int) -> PlanFile:
    """NotFound where the case has no such agreement."""
    plan = find_plan(session, file.case, plan_id)
    progress = progress_of(session, plan, file.book.today)
    runs = plan.status in (*LIVE, PlanStatus.OFFERED)
    beside = select(Plan).where(Plan.case_id == plan.case_id, col(Plan.id) != plan_id)
    others = session.scalars(beside.order_by(col(Plan.id).desc())).all()
    earlier = _earlier(session, plan)
    after = [each for each in others if each.supersedes_id == plan_id]
    later = next((each for each in after if each.accepted_on), None)
    told = {each.id for each in [*earlier, *([later] if later else [])]}
    asked = select(ApprovalRequest).where(
        ApprovalRequest.plan_id == plan_id, ApprovalRequest.status == ApprovalStatus.APPROVED
    )
    changes = select(PlanChange).where(PlanChange.plan_id == plan_id).order_by(col(PlanChange.id).desc())
    return PlanFile(
        plan=plan,
        terms=terms_of(plan, file.portfolio),
        progress=progress,
        lines=lines_of(progress, plan_id, runs=runs),
        approval=session.scalar(asked),
        agreed_with=session.get(ThirdParty, plan.agreed_with_id) if plan.agreed_with_id else None,
        changes=session.scalars(changes).all(),
        earlier=earlier,
        later=later,
        running=next((each for each in others if each.status in LIVE), None),
        instead=next((each for each in after if each.status is PlanStatus.OFFERED), None) if runs else None,
        replaced={each.supersedes_id for each in (plan, *others) if each.supersedes_id and each.accepted_on},
        others=[each for each in others if each.id not in told],
        events=_events(session, plan),
        case_is_open=file.is_open,
        earlier_minor=earlier_money(session, [plan_id]).get(plan_id, 0) if runs else 0,
        waived_minor=waived_fees(session, plan),
        rates=_rates(session, plan, file),
        most_skips=file.portfolio.plan_skips,
    )


def _rates(session: Session, plan: Plan, file: CaseFile) -> list[AccountRate]:
    if plan.apr_millionths is None:
        return []
    made_on = plan.accepted_on or local_date(plan.offered_at, file.portfolio.timezone)
    return account_rates(session, plan, on=made_on, as_made=True)


def _earlier(session: Session, plan: Plan) -> list[Plan]:
    found: list[Plan] = []
    while plan.supersedes_id is not None:
        plan = session.get_one(Plan, plan.supersedes_id)
        found.append(plan)
    return found


def _events(session: Session, plan: Plan) -> list[Event]:
    """The events of this agreement, the latest first."""
    events, _ = events_of_customer(
        session, plan.customer_id, kinds=kinds_under(TimelineFilter.PLANS), limit=EVENTS_READ
    )
    told = [(event, payload_in(event)) for event in events]
    own = (PlanEvent, InstalmentEvent)
    return [event for event, payload in told if isinstance(payload, own) and payload.plan_id == plan.id]
