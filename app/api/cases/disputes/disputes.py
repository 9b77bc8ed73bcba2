"""Disputes of a case, by the acts of its page."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Request
from pydantic import Field
from sqlmodel import Session, select

from app.actions.disputes import evidence as evidence_acts
from app.actions.disputes.deciding import decide_dispute, note_correction
from app.actions.disputes.opening import change_what_is_disputed, open_dispute
from app.api.cases.disputes.shapes import DisputeShape, EvidenceShape, dispute_shapes
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, ReadSession, api_router
from app.api.fields import Amount, CaseRef, Currency, Day, RowId, minor_of, naming
from app.api.shapes import covered
from app.book.ledger.models import Account, Entry, Statement
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.models import Dispute
from app.casework.disputes.queries import disputes_of, get_dispute, get_evidence
from app.casework.disputes.rules import (
    Correction,
    Disputed,
    DisputeDecision,
    DisputeKind,
    DisputeOutcome,
    EvidenceState,
    ReceivedAs,
)
from app.casework.support_needs.sight import sight_of
from app.core.errors import Invalid
from app.core.staff.rules import Caller
from app.core.text import Line, Paragraph
from app.http.context import Now, ports_of

router = api_router("/cases/{reference}/disputes", tags=["disputes"])

Reference = Annotated[Line, Field(min_length=1, max_length=80)]


class WhatIsDisputed(Input):
    kind: Annotated[DisputeKind, Field(strict=False)]
    account: Annotated[Reference | None, Field(description="Account reference.")] = None
    entry: Annotated[Reference | None, Field(description="Reference of the disputed ledger entry.")] = None
    statement: Annotated[
        Reference | None, Field(description="Reference of the first statement that shows a billing error.")
    ] = None
    amount: Amount | None = None
    currency: Currency
    paid_on: Annotated[
        Day | None, Field(description="The day on which the customer says that they paid.")
    ] = None

    def disputed(self, session: Session, portfolio: Portfolio) -> Disputed:
        return Disputed(
            self.kind,
            row_named(session, portfolio, Account, self.account, "account"),
            minor_of(self.amount, self.currency, portfolio) if self.amount is not None else None,
            row_named(session, portfolio, Entry, self.entry, "entry"),
            row_named(session, portfolio, Statement, self.statement, "statement"),
            self.paid_on,
        )


def row_named(
    session: Session,
    portfolio: Portfolio,
    model: type[Account | Entry | Statement],
    reference: str | None,
    member: str,
) -> int | None:
    if reference is None:
        return None
    query = select(model.id).where(model.portfolio_id == portfolio.id, model.reference == reference)
    found: int | None = session.scalars(query).first()
    if found is None:
        raise Invalid(f"This portfolio has no {member} of this reference.", member)
    return found


@router.get("", summary="List disputes")
def list_disputes(reference: CaseRef, caller: ApiCaseReader, session: ReadSession) -> list[DisputeShape]:
    """All disputes of the customer, open ones first, then the latest."""
    case = case_named(session, reference)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    shapes = dispute_shapes(session, disputes_of(session, case.customer_id), portfolio.currency)
    return [covered(each, sight) for each in shapes]


class NewDispute(WhatIsDisputed):
    words: Annotated[Paragraph, Field(min_length=1, max_length=1000, description="What the customer says.")]
    received_on: Day
    received_as: Annotated[ReceivedAs, Field(strict=False)]
    question_id: Annotated[
        int | None,
        Field(ge=1, le=2**53, description="The question whose words this takes up; it is answered."),
    ] = None


@router.post("", status_code=201, summary="Open a dispute")
def post_dispute(
    request: Request,
    reference: CaseRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewDispute,
) -> DisputeShape:
    """One about everything places a hold; of any other nobody asks for the disputed sum, and the rest goes on. The law
    of the customer's place says by when it is acknowledged and answered. An account, entry or statement of another
    customer is refused."""
    case = case_named(session, reference, lock=True)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    opened = open_dispute(
        session, case, body.disputed(session, portfolio), body.words, ports_of(request).catalog,
        received_on=body.received_on, received_as=body.received_as, question_id=body.question_id, by=caller.by,
        now=now,
    )  # fmt: skip
    return _shape(session, opened.dispute, caller)


class DisputeChange(WhatIsDisputed):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=300, description="How you know.")]


@router.post("/{dispute_id}/change", summary="Change what a dispute is about")
def post_dispute_change(
    request: Request,
    reference: CaseRef,
    dispute_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: DisputeChange,
) -> DisputeShape:
    """A call or message says that the debt is disputed; this says which part. The hold of everything then ends, and the
    undisputed rest is asked for again."""
    case, dispute = _named_dispute(session, reference, dispute_id)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    change_what_is_disputed(
        session, dispute, body.disputed(session, portfolio), body.reason, ports_of(request).catalog, by=caller.by,
        now=now,
    )  # fmt: skip
    return _shape(session, dispute, caller)


class NewDecision(Input):
    outcome: Annotated[
        DisputeOutcome, Field(strict=False, description="`answered` is none that a person may choose.")
    ]
    explanation: Annotated[
        Paragraph, Field(min_length=1, max_length=500, description="As the customer reads it.")
    ]
    conceded: Annotated[
        Amount | None,
        Field(
            description="Of a dispute upheld in part, or about everything: the sum by which the debt is lowered."
        ),
    ] = None
    currency: Currency
    correction: Annotated[
        Correction,
        Field(
            strict=False,
            description="`here`: posted with the decision; `posted`: `entry` is in the ledger already; `creditor`: the"
            " creditor posts it, and nobody asks for it until then.",
        ),
    ] = Correction.HERE
    account: Annotated[
        Reference | None, Field(description="Account that is corrected, of a dispute about everything.")
    ] = None
    entry: Annotated[Reference | None, Field(description="The payment or credit that is in the ledger.")] = (
        None
    )

    def decision(self, session: Session, portfolio: Portfolio) -> DisputeDecision:
        with naming(amount="conceded"):
            conceded = (
                minor_of(self.conceded, self.currency, portfolio) if self.conceded is not None else None
            )
        return DisputeDecision(
            self.outcome,
            self.explanation,
            conceded,
            self.correction,
            row_named(session, portfolio, Account, self.account, "account"),
            row_named(session, portfolio, Entry, self.entry, "entry"),
        )


@router.post("/{dispute_id}/decision", summary="Decide a dispute")
def post_dispute_decision(
    request: Request,
    reference: CaseRef,
    dispute_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewDecision,
) -> DisputeShape:
    """What is conceded lowers the debt, within the caller's limit. What is rejected is asked for again, a billing error
    after the days that the law gives to pay. A hold ends as the law says: where it wants the debt verified first, the
    verification must be on record."""
    case, dispute = _named_dispute(session, reference, dispute_id)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    decision = body.decision(session, portfolio)
    decide_dispute(
        session, dispute, decision, ports_of(request).catalog, by=caller.by, role=caller.role, now=now
    )
    return _shape(session, dispute, caller)


class NewCorrection(Input):
    entry: Annotated[Reference, Field(description="The creditor's entry.")]


@router.post("/{dispute_id}/correction", summary="Note the creditor's correction")
def post_dispute_correction(
    reference: CaseRef,
    dispute_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewCorrection,
) -> DisputeShape:
    """The creditor posted what was conceded: it is left out no more, because it is in the ledger."""
    case, dispute = _named_dispute(session, reference, dispute_id)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    entry_id = row_named(session, portfolio, Entry, body.entry, "entry")
    assert entry_id is not None
    note_correction(session, dispute, entry_id, by=caller.by, now=now)
    return _shape(session, dispute, caller)


class NewOwner(Input):
    owner: Annotated[Line, Field(max_length=64, description="User name; empty = nobody.")]


@router.post("/{dispute_id}/owner", summary="Give a dispute to a colleague")
def post_dispute_owner(
    reference: CaseRef,
    dispute_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewOwner,
) -> DisputeShape:
    """The person who answers it."""
    _, dispute = _named_dispute(session, reference, dispute_id)
    evidence_acts.assign_dispute(session, dispute, body.owner, by=caller.by, now=now)
    return _shape(session, dispute, caller)


class NewEvidence(Input):
    what: Annotated[Line, Field(min_length=1, max_length=200, description="What is to be shown.")]
    due_on: Annotated[Day, Field(description="By when, in the future.")]


@router.post("/{dispute_id}/evidence", status_code=201, summary="Ask for evidence")
def post_dispute_evidence(
    reference: CaseRef,
    dispute_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewEvidence,
) -> EvidenceShape:
    """Note what is asked for, and by when."""
    _, dispute = _named_dispute(session, reference, dispute_id)
    due_on: date = body.due_on
    row = evidence_acts.ask_evidence(session, dispute, body.what, due_on, by=caller.by, now=now)
    return covered(EvidenceShape.of(row), sight_of(session, dispute.customer_id, caller.role, caller.by))


class EvidenceJudgement(Input):
    state: Annotated[EvidenceState, Field(strict=False, description="`received` or `insufficient`.")]
    document: Annotated[
        int | None, Field(ge=1, description="Id of the document on file that came for it.")
    ] = None
    note: Annotated[
        Paragraph, Field(max_length=300, description="Of what is insufficient: what is missing.")
    ] = ""


@router.post("/{dispute_id}/evidence/{evidence_id}/judgement", summary="Judge evidence")
def post_evidence_judgement(
    reference: CaseRef,
    dispute_id: RowId,
    evidence_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: EvidenceJudgement,
) -> EvidenceShape:
    """It was received, or it does not suffice. A document of another customer is refused."""
    _, dispute = _named_dispute(session, reference, dispute_id)
    row = get_evidence(session, dispute, evidence_id, lock=True)
    evidence_acts.judge_evidence(
        session, dispute, row, body.state, document_id=body.document, note=body.note, by=caller.by, now=now
    )
    return covered(EvidenceShape.of(row), sight_of(session, dispute.customer_id, caller.role, caller.by))


def _named_dispute(session: Session, reference: str, dispute_id: int) -> tuple[CollectionsCase, Dispute]:
    """The case, locked, and the dispute of its customer."""
    case = case_named(session, reference, lock=True)
    return case, get_dispute(session, case.customer_id, dispute_id, lock=True)


def _shape(session: Session, dispute: Dispute, caller: Caller) -> DisputeShape:
    currency = session.get_one(Portfolio, dispute.portfolio_id).currency
    [shape] = dispute_shapes(session, [dispute], currency)
    return covered(shape, sight_of(session, dispute.customer_id, caller.role, caller.by))
