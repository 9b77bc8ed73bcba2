"""Plans that advisers propose in a file: each line is checked and waits for a decision, or is rejected with its
fault."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.actions.agreements import agree, beyond_authority
from app.actions.people.household import record_statement
from app.book.portfolios.models import Portfolio
from app.casework.advisers.events import AdviserFileLoaded, PlanProposed, ProposalDeclined
from app.casework.advisers.models import Adviser, AdviserFile, AdviserProposal, AdviserReject
from app.casework.advisers.queries import case_of, party_for, proposals_of, rejects_of
from app.casework.advisers.reading import ProposalLine, read_offer, read_proposals
from app.casework.advisers.rules import ProposalStatus, ProposedOffer, terms_of
from app.casework.advisers.service import require_active
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.service import about_case
from app.casework.negotiation.household.faults import Fault
from app.casework.negotiation.household.models import HouseholdStatement
from app.casework.negotiation.household.queries import assessed, categories_for
from app.casework.negotiation.household.rules import Household
from app.casework.negotiation.household.service import SURE
from app.casework.negotiation.household.sfs_reading import read_statement
from app.casework.negotiation.household.warnings import StatementWarning
from app.casework.parties.models import ThirdParty
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.offering import Proposal, propose
from app.casework.plans.rules import Acceptance, Agreed
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, DeskError, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import CASEWORK, Role
from app.core.text import clean_reason, refuse_card_number
from app.core.timeline.service import about_portfolio, lock_customers, record
from app.outreach.planning.letterhead import LetterCatalog

AT_ONCE = 200
"""Proposals that one act accepts together; the rest wait for the next."""


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file of proposals as it was taken."""

    file: AdviserFile
    rejects: Sequence[AdviserReject]
    is_new: bool
    """False where the same file was loaded before: nothing changed."""


def load_proposals(
    session: Session,
    portfolio: Portfolio,
    adviser: Adviser,
    name: str,
    content: bytes,
    *,
    by: Actor,
    now: datetime,
) -> LoadedFile:
    """Check each line of a file, keep the good ones as proposals and the faults of the others. The same file again, and
    a line that was taken before, change nothing. Invalid where the file as a whole cannot be read."""
    require_active(adviser)
    refuse_card_number(
        name, "file", "The file's name holds what looks like a full card number. Rename it first."
    )
    digest = hashlib.sha256(content).hexdigest()
    query = select(AdviserFile).where(
        AdviserFile.adviser_id == adviser.id,
        AdviserFile.portfolio_id == portfolio.id,
        AdviserFile.sha256 == digest,
    )
    if (known := session.scalars(query).first()) is not None:
        return LoadedFile(known, rejects_of(session, known), is_new=False)
    lines = read_proposals(content, portfolio.currency, adviser.code)
    file = AdviserFile(
        adviser_id=id_of(adviser), portfolio_id=id_of(portfolio), name=name[:255], sha256=digest,
        read=len(lines), loaded_at=now, by=by,
    )  # fmt: skip
    session.add(file)
    session.flush()
    loader = _Loader(session, portfolio, adviser, file, by, now)
    for line in lines:
        loader.take(line)
    rejects = loader.finish()
    told = AdviserFileLoaded(id_of(file), adviser.code, file.loaded, file.rejected)
    record(session, about_portfolio(id_of(portfolio), told), by=by, now=now)
    return LoadedFile(file, rejects, is_new=True)


@dataclass
class _Loader:
    """Takes the lines of one file."""

    session: Session
    portfolio: Portfolio
    adviser: Adviser
    file: AdviserFile
    by: Actor
    now: datetime

    def __post_init__(self) -> None:
        self.today = local_date(self.now, self.portfolio.timezone)
        self.rejects: list[AdviserReject] = []
        self.cases: dict[int, int] = {}
        """Case -> the line of this file that is about it."""

    def take(self, line: ProposalLine) -> None:
        known = sa.select(col(AdviserProposal.id)).where(
            col(AdviserProposal.adviser_id) == self.adviser.id, col(AdviserProposal.digest) == line.digest
        )
        if self.session.execute(known).first() is not None:
            self.file.unchanged += 1
            return
        faults: list[Fault] = []
        try:
            with self.session.begin_nested():
                faults = self._keep(line)
                if faults:
                    raise _Rejected
        except _Rejected:
            pass
        except DeskError as refused:
            faults = [Fault(refused.field or "reference", refused.message)]
        if faults:
            self._reject(line, faults)
        else:
            self.file.loaded += 1

    def _keep(self, line: ProposalLine) -> list[Fault]:
        """Keep a line as a proposal, or return its faults."""
        offer, faults = read_offer(line, self.portfolio.currency)
        case = case_of(self.session, id_of(self.portfolio), line.reference) if line.reference else None
        if line.reference and case is None:
            faults.append(
                Fault(
                    "reference",
                    f"Portfolio {self.portfolio.code} has no account or case of this reference. Correct it.",
                )
            )
        if case is None:
            return faults
        lock_customers(self.session, [case.customer_id])
        party = party_for(self.session, self.adviser, case.customer_id, self.today)
        if party is None:
            text = "No authority of this adviser for this customer is on file and in force."
            return [*faults, Fault("reference", text)]
        if (first := self.cases.get(id_of(case))) is not None:
            return [*faults, Fault("reference", f"Line {first} of this file is about the same case.")]
        household, wrong = self._statement(line, case)
        faults += wrong
        if faults or offer is None:
            return faults
        check_offer(self.session, self.portfolio, case, offer, self.today)
        self._store(line, case, offer, household, party)
        return []

    def _statement(self, line: ProposalLine, case: CollectionsCase) -> tuple[Household | None, list[Fault]]:
        told = line.data.get("statement")
        if told is None:
            return None, []
        if not isinstance(told, dict):
            return None, [Fault("statement", "This must be an object.")]
        categories = categories_for(self.session, case.customer_id)
        household, faults = read_statement(told, self.portfolio.currency, categories, self.today)
        return household, [Fault(f"statement.{fault.field}", fault.text) for fault in faults]

    def _store(
        self,
        line: ProposalLine,
        case: CollectionsCase,
        offer: ProposedOffer,
        household: Household | None,
        party: ThirdParty,
    ) -> None:
        statement = (
            None
            if household is None
            else record_statement(
                self.session, case, household, party=party, sure=SURE, by=self.by, now=self.now
            )  # a person sees the doubts before the proposal is accepted
        )
        row = AdviserProposal(
            file_id=id_of(self.file), adviser_id=id_of(self.adviser), portfolio_id=case.portfolio_id,
            case_id=id_of(case), customer_id=case.customer_id, line=line.number, digest=line.digest,
            kind=offer.kind, amount_minor=offer.amount_minor, cadence=offer.cadence,
            first_due_on=offer.first_due_on, total_minor=offer.total_minor,
            down_payment_minor=offer.down_payment_minor,
            statement_id=None if statement is None else id_of(statement),
        )  # fmt: skip
        self.session.add(row)
        self.session.flush()
        self.cases[id_of(case)] = line.number
        told = PlanProposed(id_of(row), self.adviser.name, row.amount_minor)
        record(self.session, about_case(case, told), by=self.by, now=self.now)

    def _reject(self, line: ProposalLine, faults: Iterable[Fault]) -> None:
        self.file.rejected += 1
        for fault in faults:
            self.rejects.append(
                AdviserReject(
                    file_id=id_of(self.file), n=len(self.rejects) + 1, line=line.number,
                    reference=line.reference, field=fault.field[:120], reason=fault.text[:400],
                )
            )  # fmt: skip

    def finish(self) -> list[AdviserReject]:
        self.session.add_all(self.rejects)
        self.session.flush()
        return self.rejects


class _Rejected(Exception):
    """A line is not taken: what it had stored is undone."""


def check_offer(
    session: Session, portfolio: Portfolio, case: CollectionsCase, offer: ProposedOffer, today: date
) -> Proposal:
    """The offer worked out on the debt of now. Invalid, with the field of the file, or Conflict where nobody may make
    it."""
    owed = debt_now(session, portfolio, case.customer_id, today).debt
    try:
        return propose(session, case, terms_of(offer, owed), today=today)
    except ValueError as error:
        raise Invalid(str(error), "offer.amount") from None
    except Invalid as refused:
        raise Invalid(refused.message, _FIELDS.get(refused.field or "", "offer")) from None


_FIELDS = {
    "due_on": "offer.first-on",
    "amount": "offer.amount",
    "payments": "offer.amount",
    "down_payment": "offer.down-payment",
}
"""A field of an agreement -> the member of the file that it comes from."""


# --- decided --------------------------------------------------------------------------------------------------


def offer_of(row: AdviserProposal) -> ProposedOffer:
    return ProposedOffer(
        row.kind, row.amount_minor, row.cadence, row.first_due_on, row.total_minor, row.down_payment_minor
    )


@dataclass(frozen=True, slots=True)
class Weighed:
    """A proposal as it stands now: what it comes to, and why it is not accepted with the others."""

    row: AdviserProposal
    case: CollectionsCase
    proposal: Proposal | None
    hindrance: str
    """Why it cannot be accepted now; '' = it can."""
    beyond: str
    """Why a person of this role may not accept it alone; '' = they may."""
    doubts: Sequence[StatementWarning]
    share_minor: int | None
    """Our pro-rata share by its statement."""

    @property
    def is_simple(self) -> bool:
        """It may be accepted in bulk: within the limits, possible now, and its statement raises no doubt."""
        return not (self.hindrance or self.beyond or self.doubts)


def weigh(session: Session, row: AdviserProposal, *, role: Role, now: datetime) -> Weighed:
    """Look at a proposal with the figures of now."""
    portfolio = session.get_one(Portfolio, row.portfolio_id)
    case, today = get_case(session, row.case_id), local_date(now, portfolio.timezone)
    doubts, share = _doubts(session, row, today)
    try:
        found = check_offer(session, portfolio, case, offer_of(row), today)
    except DeskError as refused:
        return Weighed(row, case, None, refused.message, "", doubts, share)
    limit = beyond_authority(portfolio, found, role)
    return Weighed(row, case, found, "", "" if limit is None else limit.why, doubts, share)


def _doubts(
    session: Session, row: AdviserProposal, today: date
) -> tuple[Sequence[StatementWarning], int | None]:
    statement = session.get(HouseholdStatement, row.statement_id) if row.statement_id else None
    if statement is None:
        return (), None
    found = assessed(session, statement, today)
    return found.warnings, found.budget.our_share_minor


def accept_proposal(
    session: Session,
    adviser: Adviser,
    row: AdviserProposal,
    letters: LetterCatalog,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> Plan:
    """Agree to a proposal: the plan runs, agreed in writing with the adviser. Forbidden where it is beyond what one
    person of this role may grant; Conflict where it was decided, or the adviser acts for the customer no longer."""
    if role not in CASEWORK:
        raise Forbidden("Your role may not accept a proposal. Ask an agent or a manager.")
    lock_customers(session, [row.customer_id])
    session.refresh(row)
    _require_open(row)
    portfolio, case = session.get_one(Portfolio, row.portfolio_id), get_case(session, row.case_id)
    today = local_date(now, portfolio.timezone)
    party = party_for(session, adviser, row.customer_id, today)
    if party is None:
        raise Conflict(f"{adviser.name} does not act for the customer of case {case.reference} any more.")
    owed = debt_now(session, portfolio, case.customer_id, today).debt
    terms = terms_of(offer_of(row), owed)
    words = f"Proposed by {adviser.name}, line {row.line} of {session.get_one(AdviserFile, row.file_id).name}"
    agreed = Agreed(Acceptance.WRITING, words[:500], id_of(party))
    made = agree(session, case, terms, letters, agreed, grantor=Grantor(by, role), now=now)
    row.status, row.plan_id, row.decided_by, row.decided_at = (
        ProposalStatus.ACCEPTED,
        id_of(made.plan),
        by,
        now,
    )
    session.flush()
    return made.plan


def decline_proposal(
    session: Session, adviser: Adviser, row: AdviserProposal, why: str, *, by: Actor, now: datetime
) -> None:
    """Decline a proposal, for a reason that the adviser is told."""
    why = clean_reason(why, "why")
    lock_customers(session, [row.customer_id])
    session.refresh(row)
    _require_open(row)
    row.status, row.why, row.decided_by, row.decided_at = ProposalStatus.DECLINED, why, by, now
    case = get_case(session, row.case_id)
    record(session, about_case(case, ProposalDeclined(id_of(row), adviser.name, why)), by=by, now=now)


def _require_open(row: AdviserProposal) -> None:
    if row.status is not ProposalStatus.PROPOSED:
        raise Conflict(f"This proposal is {row.status.value} already, by {row.decided_by}.")


@dataclass(frozen=True, slots=True)
class BulkAcceptance:
    """Results of the proposals of a file that one act processed."""

    accepted: Sequence[Plan]
    left: Sequence[tuple[AdviserProposal, str]]
    """Proposals that are decided one by one, and why."""


def accept_simple(
    session: Session,
    adviser: Adviser,
    file: AdviserFile,
    letters: LetterCatalog,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> BulkAcceptance:
    """Accept every proposal of a file that is within the limits of this role and raises no doubt, `AT_ONCE` of them at
    most. The others stay, each with the reason."""
    waiting = [row for row in proposals_of(session, file) if row.status is ProposalStatus.PROPOSED]
    lock_customers(session, [row.customer_id for row in waiting])
    accepted: list[Plan] = []
    left: list[tuple[AdviserProposal, str]] = []
    for row in waiting:
        weighed = weigh(session, row, role=role, now=now)
        reason = weighed.hindrance or weighed.beyond or " ".join(each.text for each in weighed.doubts)
        if not reason and len(accepted) == AT_ONCE:
            reason = "It waits for the next time: so many are accepted at once."
        if reason:
            left.append((row, reason))
            continue
        try:
            with session.begin_nested():
                accepted.append(accept_proposal(session, adviser, row, letters, by=by, role=role, now=now))
        except DeskError as refused:
            left.append((row, refused.message))
    return BulkAcceptance(accepted, left)
