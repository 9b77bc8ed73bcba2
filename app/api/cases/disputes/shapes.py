"""Disputes and their evidence as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Self

from pydantic import Field
from sqlmodel import Session, col, select

from app.api.shapes import Money, Shape
from app.book.ledger.models import Account, Entry, Statement
from app.casework.cases.models import case_reference
from app.casework.disputes.models import Dispute, DisputeEvidence
from app.casework.disputes.queries import evidence_of
from app.casework.disputes.rules import DisputeKind, DisputeOutcome, EvidenceState, ReceivedAs
from app.core.ids import id_of
from app.core.money import to_decimal_string


class EvidenceShape(Shape):
    """Evidence that was asked for."""

    id: int
    what: str
    state: EvidenceState
    due_on: date
    document: int | None = Field(description="Id of the document on file that came for it.")
    note: str = Field(description="Why it does not suffice.")
    asked_by: str
    asked_at: datetime
    judged_by: str
    judged_at: datetime | None

    @classmethod
    def of(cls, row: DisputeEvidence) -> Self:
        return cls(
            id=id_of(row),
            what=row.what,
            state=row.state,
            due_on=row.due_on,
            document=row.document_id,
            note=row.note,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            judged_by=row.judged_by,
            judged_at=row.judged_at,
        )


class DisputeShape(Shape):
    """What a customer says is wrong of their debt. Without an outcome it is open."""

    id: int
    reference: str
    case: str
    kind: DisputeKind
    account: str | None = Field(description="Reference of the account; null = all of them.")
    entry: str | None = Field(description="Reference of the disputed entry.")
    statement: str | None = Field(description="Reference of the first statement with a billing error.")
    amount: Money | None = Field(
        description="The disputed sum; null = everything, or a sum that nobody told."
    )
    left_out: Money = Field(description="The sum that nobody asks for now.")
    paid_on: date | None = Field(description="The day on which the customer says that it was paid.")
    received_on: date
    received_as: ReceivedAs
    words: str
    owner: str
    acknowledge_by: date | None = Field(
        description="Last day of the acknowledgement; null = no law asks for it."
    )
    answer_by: date = Field(description="Last day of the answer.")
    by_law: bool = Field(description="`answer_by` is the law's; otherwise it is the desk's own aim.")
    citation: str = Field(
        description="The rule that names `answer_by`; empty = none does, or it was not kept."
    )
    verified: bool = Field(description="A person has read that rule at first hand.")
    hold: int | None = Field(description="Id of the hold that a dispute about everything has.")
    by: str
    opened_at: datetime
    outcome: DisputeOutcome | None
    explanation: str
    conceded: Money
    charges_credited: Money = Field(description="Interest and late fees on it that were credited.")
    charges_made: Money = Field(
        description="Interest on what was not conceded, charged by the decision for the time in which it was open."
    )
    correction: str | None = Field(description="Reference of the entry that corrected the ledger.")
    awaits_correction: bool = Field(description="The creditor has to post what was conceded.")
    pay_by: date | None = Field(description="Last day to pay what was rejected; nobody asks for it before.")
    decided_by: str
    decided_at: datetime | None
    evidence: list[EvidenceShape]


def dispute_shapes(session: Session, disputes: Sequence[Dispute], currency: str) -> list[DisputeShape]:
    """These disputes with the references they name, read in sets."""
    evidence = evidence_of(session, [id_of(each) for each in disputes])
    accounts = _references(session, Account, [each.account_id for each in disputes])
    entries = _references(
        session, Entry, [i for each in disputes for i in (each.entry_id, each.correction_id)]
    )
    statements = _references(session, Statement, [each.statement_id for each in disputes])

    def money(minor: int) -> str:
        return to_decimal_string(minor, currency)

    return [
        DisputeShape(
            id=id_of(row),
            reference=row.reference,
            case=case_reference(row.case_id),
            kind=row.kind,
            account=accounts.get(row.account_id),
            entry=entries.get(row.entry_id),
            statement=statements.get(row.statement_id),
            amount=None if row.amount_minor is None else money(row.amount_minor),
            left_out=money(row.left_out_minor),
            paid_on=row.paid_on,
            received_on=row.received_on,
            received_as=row.received_as,
            words=row.words,
            owner=row.owner,
            acknowledge_by=row.acknowledge_by,
            answer_by=row.answer_by,
            by_law=row.by_law,
            citation=row.citation,
            verified=row.verified,
            hold=row.hold_id,
            by=row.by,
            opened_at=row.opened_at,
            outcome=row.outcome,
            explanation=row.explanation,
            conceded=money(row.conceded_minor),
            charges_credited=money(row.charges_credited_minor),
            charges_made=money(row.charges_made_minor),
            correction=entries.get(row.correction_id),
            awaits_correction=row.awaits_correction,
            pay_by=row.pay_by,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            evidence=[EvidenceShape.of(each) for each in evidence.get(id_of(row), ())],
        )
        for row in disputes
    ]


def _references(
    session: Session, model: type[Account | Entry | Statement], ids: Sequence[int | None]
) -> Mapping[int | None, str]:
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    rows = session.execute(select(model.id, model.reference).where(col(model.id).in_(wanted)))
    return {number: reference for number, reference in rows}
