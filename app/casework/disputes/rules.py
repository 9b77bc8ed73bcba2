"""Disputes: kinds, what each needs, how much of an account it leaves out, and its decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.book.charges.rules import Rest
from app.core.errors import Conflict, Invalid
from app.core.vocabulary import Word


class DisputeKind(Word):
    """What the customer says is wrong."""

    WHOLE_DEBT = "whole_debt"
    NOT_MINE = "not_mine"
    """Another person's debt."""
    IDENTITY = "identity"
    """Identity theft or fraud: the account or its use was not theirs."""
    ALREADY_PAID = "already_paid"
    AMOUNT = "amount"
    """A sum of the account, of no single entry."""
    TRANSACTION = "transaction"
    UNAUTHORISED = "unauthorised"
    """A transaction that the customer did not authorise: in many places it is refunded within a day."""
    FEE = "fee"
    """A fee or interest."""
    BILLING_ERROR = "billing_error"
    """A billing error of a statement, with a procedure and dates of its own (12 CFR 1026.13)."""


KIND_LABELS: Mapping[DisputeKind, str] = {
    DisputeKind.WHOLE_DEBT: "The whole debt",
    DisputeKind.NOT_MINE: "Not their debt",
    DisputeKind.IDENTITY: "Identity theft or fraud",
    DisputeKind.ALREADY_PAID: "Paid already",
    DisputeKind.AMOUNT: "An amount",
    DisputeKind.TRANSACTION: "A transaction",
    DisputeKind.UNAUTHORISED: "A transaction that they did not authorise",
    DisputeKind.FEE: "A fee or interest",
    DisputeKind.BILLING_ERROR: "A billing error on a statement",
}
WHOLE = frozenset({DisputeKind.WHOLE_DEBT, DisputeKind.NOT_MINE, DisputeKind.IDENTITY})
"""Kinds about everything: a hold stops all of it."""
OF_ENTRY = frozenset({DisputeKind.TRANSACTION, DisputeKind.UNAUTHORISED, DisputeKind.FEE})
"""Kinds about one entry of the ledger."""


class ReceivedAs(StrEnum):
    """How the customer said it: the laws of some places give rights to a written dispute alone."""

    WRITTEN = "written"
    ORAL = "oral"


class DisputeOutcome(StrEnum):
    UPHELD = "upheld"
    PARTLY = "partly"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ANSWERED = "answered"
    """Its hold was ended by the answer that was sent, or by a person, without a decision of its own."""


OUTCOME_LABELS: Mapping[DisputeOutcome, str] = {
    DisputeOutcome.UPHELD: "Upheld",
    DisputeOutcome.PARTLY: "Upheld in part",
    DisputeOutcome.REJECTED: "Rejected",
    DisputeOutcome.WITHDRAWN: "Withdrawn by the customer",
    DisputeOutcome.ANSWERED: "Answered with the end of its hold",
}
DECISIONS = (
    DisputeOutcome.UPHELD, DisputeOutcome.PARTLY, DisputeOutcome.REJECTED, DisputeOutcome.WITHDRAWN
)  # fmt: skip
"""Outcomes that a person may choose."""
CONCEDES = frozenset({DisputeOutcome.UPHELD, DisputeOutcome.PARTLY})


class Correction(StrEnum):
    """How the ledger follows a decision in the customer's favour."""

    HERE = "here"
    """Posted with the decision: a fee is waived, a wrong entry reversed, any other sum credited."""
    POSTED = "posted"
    """It stands in the ledger already: a payment that was found, or a credit of the creditor."""
    CREDITOR = "creditor"
    """The creditor posts it. Until it is in the ledger, nobody asks for the sum."""


CORRECTION_LABELS: Mapping[Correction, str] = {
    Correction.HERE: "Post it now",
    Correction.POSTED: "It is in the ledger already",
    Correction.CREDITOR: "The creditor posts it; nobody asks for it until then",
}


@dataclass(frozen=True, slots=True)
class DisputeDecision:
    """A decision as a person enters it. Stored with a request to a manager: a field that is added needs `later`."""

    outcome: DisputeOutcome
    explanation: str
    """The reasons, as the customer reads them."""
    conceded_minor: int | None = None
    """Of a dispute that is upheld in part, or is about everything: the sum that is conceded."""
    correction: Correction = Correction.HERE
    account_id: int | None = None
    """The account that is corrected, of a dispute of all accounts."""
    entry_id: int | None = None
    """The entry that corrects the ledger already (`Correction.POSTED`)."""


class EvidenceState(StrEnum):
    REQUESTED = "requested"
    RECEIVED = "received"
    INSUFFICIENT = "insufficient"
    """It came, and does not show what it should."""


ANSWER_DAYS = 30
"""Days in which we answer a dispute where no law names a day. Our choice."""
LATE_ANSWER_DAYS = 7
"""Days in which we answer a dispute whose day of the answer was over when it was put on record. Our choice."""
EVIDENCE_DAYS = 14
"""Days that a person gets to send evidence, if nobody says another number. Our choice."""
LONGEST_WORDS = 1000
MAX_EXPLANATION = 500
"""A value in a letter is no longer."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """What a dispute is about, as it was given. Amounts in minor units; None = not given."""

    kind: DisputeKind
    account_id: int | None = None
    amount_minor: int | None = None
    entry_id: int | None = None
    statement_id: int | None = None
    paid_on: date | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """When and how a dispute reached us that says no more than that the debt is disputed."""

    on: date
    received_as: ReceivedAs


def promised_by(answer_by: date, opened_on: date) -> date:
    """The day that the acknowledgement names: that of the answer, or a week from `opened_on` where it is no day to come
    any more. No letter promises an answer for a day that is over."""
    return answer_by if answer_by > opened_on else opened_on + timedelta(days=LATE_ANSWER_DAYS)


def covers_all(kind: DisputeKind, amount_minor: int | None) -> bool:
    """Whether a dispute is about everything, so that a hold stops all of it: so is a payment of an unknown sum."""
    return kind in WHOLE or (kind is DisputeKind.ALREADY_PAID and amount_minor is None)


def check_given(said: Disputed) -> None:
    """Invalid, beside its field, where a dispute lacks what its kind needs, or has what does not belong to it."""
    if said.kind in WHOLE:
        _refuse(said.amount_minor, "amount", "This is about everything. Leave the amount empty.")
        _refuse(said.entry_id, "entry", "This is about everything. Leave the entry empty.")
        return
    if said.amount_minor is not None and said.amount_minor <= 0:
        raise Invalid("The amount must be positive. Enter more than zero.", "amount")
    if covers_all(said.kind, said.amount_minor):
        return
    if said.account_id is None:
        raise Invalid("Choose the account that it is about.", "account")
    if said.kind in OF_ENTRY and said.entry_id is None:
        raise Invalid("Choose the entry that is disputed.", "entry")
    if said.kind is DisputeKind.BILLING_ERROR and said.statement_id is None:
        raise Invalid("Choose the first statement that shows the error.", "statement")
    if said.amount_minor is None and said.entry_id is None:
        raise Invalid("Enter the amount that is disputed.", "amount")


def _refuse(value: object, field: str, why: str) -> None:
    if value is not None:
        raise Invalid(why, field)


def amount_of_entry(given_minor: int | None, entry_minor: int) -> int:
    """The disputed amount of an entry: all of it if none was given. Invalid where more is disputed than was entered."""
    if entry_minor <= 0:
        raise Invalid("This entry lowered the debt. Choose one that raised it.", "entry")
    if given_minor is not None and given_minor > entry_minor:
        raise Invalid("This is more than the entry. Enter its amount, or less.", "amount")
    return entry_minor if given_minor is None else given_minor


def conceded_by(
    kind: DisputeKind, outcome: DisputeOutcome, amount_minor: int | None, conceded_minor: int | None
) -> int:
    """The sum by which a decision lowers the debt, in minor units. A dispute that was upheld concedes what is disputed;
    one without a sum concedes what is given, which may be 0 where the hold of everything stays. Invalid beside
    `conceded`."""
    if outcome not in CONCEDES:
        if conceded_minor:
            raise Invalid("Nothing is conceded with this outcome. Leave the amount empty.", "conceded")
        return 0
    if conceded_minor is not None and conceded_minor < 0:
        raise Invalid("Enter zero or more.", "conceded")
    if amount_minor is None:
        if not conceded_minor and (outcome is DisputeOutcome.PARTLY or kind not in WHOLE):
            raise Invalid("Enter the sum that is conceded: more than zero.", "conceded")
        return conceded_minor or 0
    if outcome is DisputeOutcome.UPHELD:
        if conceded_minor not in (None, 0, amount_minor):
            raise Invalid(
                "This is not the disputed amount. Choose upheld in part, or leave it empty.", "conceded"
            )
        return amount_minor
    if not conceded_minor or conceded_minor >= amount_minor:
        raise Invalid("Enter the part that is conceded: more than zero, less than is disputed.", "conceded")
    return conceded_minor


def left_out_after(
    outcome: DisputeOutcome,
    amount_minor: int | None,
    conceded_minor: int,
    correction: Correction,
    *,
    pays_later: bool,
) -> int:
    """The sum that nobody asks for after the decision: what the creditor still has to correct, and what the law gives
    the customer days to pay (`pays_later`). A dispute about everything (amount None) leaves out what is corrected."""
    waits = conceded_minor if correction is Correction.CREDITOR else 0
    if amount_minor is None or outcome is DisputeOutcome.WITHDRAWN or not pays_later:
        return waits
    return waits + amount_minor - conceded_minor


@dataclass(frozen=True, slots=True)
class Resting:
    """A billing error as it bears nothing: its sum and what is conceded of it, in minor units, the first day whose
    interest may hold some on it, and the day on which its notice came."""

    amount_minor: int
    conceded_minor: int
    billed_from: date
    received_on: date


@dataclass(frozen=True, slots=True)
class RestsAfter:
    """What bears nothing after a decision."""

    conceded: Sequence[Rest]
    """What was conceded, since it was billed and until the balance is lower by it."""
    open: Sequence[Rest]
    """The rest of it, as it was before the decision."""
    rest: Sequence[Rest]
    """The rest of it, from now on counted."""


def rests_after(
    said: Resting, *, corrected_on: date | None, pay_by: date | None, charged_again: bool, today: date
) -> RestsAfter:
    """The days on which the parts of a decided billing error bear nothing. `corrected_on`: the day of the entry that
    lowers the balance, None = it is still to come: interest of the day after is on the lower balance. `charged_again`:
    interest on what is not conceded may be charged for the time in which it was open."""
    conceded = []
    until = None if corrected_on is None else corrected_on + timedelta(days=1)
    if said.conceded_minor and (until is None or said.billed_from < until):
        conceded = [Rest(said.billed_from, until, said.conceded_minor)]
    left = said.amount_minor - said.conceded_minor
    if not left:
        return RestsAfter(conceded, [], [])
    from_on = today if charged_again else said.received_on
    to_on = pay_by + timedelta(days=1) if pay_by else today
    rest = [Rest(from_on, to_on, left)] if from_on < to_on else []
    return RestsAfter(conceded, [Rest(said.received_on, None, left)], rest)


def credited_on(outcome: DisputeOutcome, credited_minor: int, conceded_minor: int, amount_minor: int) -> int:
    """Of the charges that were credited on all that was disputed, the part on what its decision concedes. One that
    concedes nothing leaves the sum as it is. Rounded down: no letter says more was credited than was."""
    if outcome not in CONCEDES:
        return credited_minor
    return credited_minor * conceded_minor // amount_minor


def days_to_pay(pay_days: int, grace_days: int | None) -> int:
    """Days to pay what was rejected of a billing error: those of the law, or the account's grace period if longer."""
    return max(pay_days, grace_days or 0)


def require_open(outcome: DisputeOutcome | None, reference: str) -> None:
    if outcome is not None:
        raise Conflict(f"Dispute {reference} was decided already: {OUTCOME_LABELS[outcome].lower()}.")


def check_notice(closing_on: date, received_on: date, notice_days: int) -> None:
    """Invalid where the notice of a billing error came too late: the day of the statement is day 0."""
    last = closing_on + timedelta(days=notice_days)
    if received_on > last:
        raise Invalid(
            f"A billing error of this statement had to be told by {last}. Record a dispute of an amount instead.",
            "statement",
        )


def check_told(told_by: date | None, received_on: date) -> None:
    """Invalid where an unauthorised transaction was told after its last day."""
    if told_by is not None and received_on > told_by:
        raise Invalid(
            f"A transaction that was not authorised had to be told by {told_by}. Record a dispute of a transaction"
            " instead.",
            "entry",
        )


def is_late(due_on: date | None, today: date) -> bool:
    """True on the days after the last day in time."""
    return due_on is not None and due_on < today
