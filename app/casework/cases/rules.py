"""Case states, outcomes, call results and how a worklist is ordered. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.book.ledger.rules import AccountStatus
from app.core.vocabulary import HoldKind

FOR_GOOD = frozenset(
    {
        HoldKind.DISPUTE,
        HoldKind.BANKRUPTCY,
        HoldKind.DECEASED,
        HoldKind.ATTORNEY,
        HoldKind.CEASE_CONTACT,
        HoldKind.FRAUD,
    }
)
"""Holds that no date ends: only a named person ends them, with a reason (a dispute: once its answer was sent). Their
date is a review date, which raises work and opens nothing. 15 USC 1692c(c), 1692g(b); 12 CFR 1006.6(b)(2),
1006.38(d)(2); 11 USC 362(a)(6). All others end on their date: breathing space and service have an end in law, the
rest is ours to say.
"""

NO_CALLS = frozenset({HoldKind.BANKRUPTCY, HoldKind.DECEASED, HoldKind.ATTORNEY, HoldKind.CEASE_CONTACT})
"""Holds under which nobody calls the customer: a callback ends with them, and none is set while they stand."""


class CaseStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Outcome(StrEnum):
    CURED = "cured"
    """Nothing is past due any more."""
    PAID = "paid"
    """The balance is paid in full."""
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"
    """Charged off, or sold: it is not worked here any more."""


class CallResult(StrEnum):
    """Result codes of a call, as dialers and regulators tell them apart."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    WRONG_NUMBER = "wrong_number"
    THIRD_PARTY = "third_party"
    RIGHT_PARTY = "right_party"
    """Right-party contact: the cardholder spoke with us."""
    REFUSED_TO_PAY = "refused_to_pay"
    PROMISED = "promised"
    CALL_BACK = "call_back"
    DISPUTES = "disputes"
    PAID = "paid"
    """The cardholder says that it is paid already."""
    CEASE = "cease"
    """The cardholder wants no contact at all."""
    ATTORNEY = "attorney"
    BANKRUPTCY = "bankruptcy"
    DECEASED = "deceased"
    """Whoever answered says that the cardholder has died."""
    OUT_OF_SERVICE = "out_of_service"
    """The network says that nobody has this number."""
    HUNG_UP = "hung_up"
    """Somebody answered and hung up before they said who they were."""
    LANGUAGE_BARRIER = "language_barrier"
    """No common language; nobody knows who answered."""


CONVERSATIONS = frozenset(
    {
        CallResult.RIGHT_PARTY,
        CallResult.REFUSED_TO_PAY,
        CallResult.PROMISED,
        CallResult.CALL_BACK,
        CallResult.DISPUTES,
        CallResult.PAID,
        CallResult.CEASE,
        CallResult.ATTORNEY,
        CallResult.BANKRUPTCY,
    }
)
"""Results in which the cardholder was spoken to: what 'answered' and gap rules count."""

UNREACHED = frozenset(
    {CallResult.NO_ANSWER, CallResult.BUSY, CallResult.VOICEMAIL, CallResult.HUNG_UP, CallResult.THIRD_PARTY}
)
"""Results after which the call is still to be made: its task stays, and so does a callback that was due."""

BAD_NUMBER = frozenset({CallResult.WRONG_NUMBER, CallResult.THIRD_PARTY, CallResult.OUT_OF_SERVICE})
"""Results after which the number rests on every channel until a person confirms it."""

CALL_HOLDS: Mapping[CallResult, HoldKind] = {
    CallResult.DISPUTES: HoldKind.DISPUTE,
    CallResult.CEASE: HoldKind.CEASE_CONTACT,
    CallResult.ATTORNEY: HoldKind.ATTORNEY,
    CallResult.BANKRUPTCY: HoldKind.BANKRUPTCY,
    CallResult.DECEASED: HoldKind.DECEASED,
    CallResult.PAID: HoldKind.MANUAL,
}
"""The hold that a result places at once."""

PROMISING = frozenset({CallResult.PROMISED, CallResult.RIGHT_PARTY, CallResult.CALL_BACK})
"""Results that can bring a promise. Any other says that the cardholder was not reached or does not mean to pay."""

NO_CALLBACK = (frozenset(result for result, kind in CALL_HOLDS.items() if kind in NO_CALLS) | BAD_NUMBER) - {
    CallResult.THIRD_PARTY
}
"""Results after which nobody calls back. Whoever else answered may well have said when the cardholder is there."""

REVIEW_DAYS = 30
"""After this many days somebody looks at a hold that a message or a call placed."""
CLAIM_DAYS = 10
"""How long reminders rest while somebody looks for a payment that the cardholder says was made."""
RETRY_AFTER = timedelta(hours=2)
"""How soon a call that reached nobody may be tried again."""
CALLBACK_DAYS = 90
"""How far ahead a callback may lie."""


def review_days(kind: HoldKind) -> int:
    """How many days from now a hold placed by a call's result ends, or is looked at."""
    return REVIEW_DAYS if kind in FOR_GOOD else CLAIM_DAYS


@dataclass(frozen=True, slots=True)
class WorkFacts:
    """What decides how urgent a case is."""

    past_due_minor: int
    days_past_due: int
    broken_promises: int
    callback_at: datetime | None
    call_task_open: bool


def priority(facts: WorkFacts, *, typical_minor: int) -> int:
    """Points by which the worklist is ordered, highest first; a callback that is due always comes on top.

    Amount counts relative to `typical_minor` (the portfolio's median past-due amount) and saturates, so that
    one large debt does not bury a hundred ordinary ones.
    """
    amount = min(40, 10 * facts.past_due_minor // max(1, typical_minor))
    age = min(30, facts.days_past_due // 3)
    broken = min(20, 10 * facts.broken_promises)
    return amount + age + broken + (15 if facts.call_task_open else 0)


ENDINGS: Mapping[AccountStatus, Outcome] = {
    AccountStatus.CHARGED_OFF: Outcome.WRITTEN_OFF,
    AccountStatus.SOLD: Outcome.WRITTEN_OFF,
    AccountStatus.SETTLED: Outcome.SETTLED,
    AccountStatus.PAID: Outcome.PAID,
}
"""How a case ends with its accounts; where they ended differently, the first of these counts."""


def outcome_of(balance_minor: int, ended: Collection[AccountStatus] = ()) -> Outcome:
    """How a case whose accounts are no longer past due ended; `ended`: how its accounts did while it was open."""
    for status, outcome in ENDINGS.items():
        if status in ended:
            return outcome
    return Outcome.PAID if balance_minor <= 0 else Outcome.CURED
