"""Requests that another person decides: what is asked, and the figures it is asked on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.casework.disputes.rules import DisputeDecision
from app.casework.plans.rules import PlanKind
from app.casework.plans.terms import AgreementTerms
from app.core.errors import Conflict, Forbidden
from app.core.staff.rules import MANAGEMENT, Role


class ApprovalKind(StrEnum):
    SETTLEMENT = "settlement"
    PLAN = "plan"
    HARDSHIP = "hardship"
    HAND_OVER = "hand_over"
    DISPUTE = "dispute"
    """The decision of a dispute that concedes more than a person may grant alone."""
    GOODWILL = "goodwill"
    DECISION = "decision"
    """Anything else that a customer asked for on the telephone and an agent may not grant."""


APPROVAL_LABELS: Mapping[ApprovalKind, str] = {
    ApprovalKind.SETTLEMENT: "Settlement",
    ApprovalKind.PLAN: "Repayment plan",
    ApprovalKind.HARDSHIP: "Hardship plan",
    ApprovalKind.HAND_OVER: "Hand-over",
    ApprovalKind.DISPUTE: "Decision of a dispute",
    ApprovalKind.GOODWILL: "Goodwill credit",
    ApprovalKind.DECISION: "Decision",
}


class ApprovalStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


_KIND_OF: Mapping[PlanKind, ApprovalKind] = {
    PlanKind.SETTLEMENT: ApprovalKind.SETTLEMENT,
    PlanKind.INSTALMENTS: ApprovalKind.PLAN,
    PlanKind.HARDSHIP: ApprovalKind.HARDSHIP,
    PlanKind.PROMISE: ApprovalKind.PLAN,
}
AGREEMENTS = frozenset(_KIND_OF.values())
"""Kinds of requests that are about an agreement."""


@dataclass(frozen=True, slots=True)
class AskAgreement:
    """Offer a settlement or a plan on these terms."""

    terms: AgreementTerms
    replaces_id: int | None = None
    """The live plan that it is renegotiated from."""

    @property
    def kind(self) -> ApprovalKind:
        return _KIND_OF[self.terms.kind]

    @property
    def is_settlement(self) -> bool:
        return self.terms.kind is PlanKind.SETTLEMENT


@dataclass(frozen=True, slots=True)
class AskSkip:
    """Let the customer skip instalment `n` of a running agreement, beyond what it says."""

    plan_id: int
    n: int

    kind = ApprovalKind.PLAN


@dataclass(frozen=True, slots=True)
class AskHandOver:
    """Give the case to this colleague (a user name)."""

    to: str

    kind = ApprovalKind.HAND_OVER


@dataclass(frozen=True, slots=True)
class AskDispute:
    """Decide a dispute like this."""

    dispute_id: int
    decision: DisputeDecision
    conceded_minor: int
    """The sum that it concedes, worked out when it was asked."""

    kind = ApprovalKind.DISPUTE


@dataclass(frozen=True, slots=True)
class AskGoodwill:
    """Credit an account with this sum as goodwill."""

    account_id: int
    amount_minor: int

    kind = ApprovalKind.GOODWILL


@dataclass(frozen=True, slots=True)
class AskDecision:
    """Decide what the reason says; the answer is the note."""

    kind = ApprovalKind.DECISION


Ask = AskAgreement | AskSkip | AskHandOver | AskDispute | AskGoodwill | AskDecision


@dataclass(frozen=True, slots=True)
class Figures:
    """The debt that a request is about, in minor units, at one moment."""

    owed_minor: int
    """For a settlement, the balances it settles; otherwise the whole debt."""
    past_due_minor: int
    days_past_due: int

    @property
    def mark(self) -> str:
        """The figures as a page's form carries them, so that a decision is about what its reader saw."""
        return f"{self.owed_minor}:{self.past_due_minor}"


def share_waived(owed_minor: int, amount_minor: int) -> float:
    """Return the per cent of the debt that a settlement waives; 0 where nothing is owed."""
    return 100 * (owed_minor - amount_minor) / owed_minor if owed_minor > 0 else 0.0


def require_decider(*, role: Role, is_asker: bool) -> None:
    """Forbidden to a person without the authority, and to the one who asked, in person or by a token."""
    if role not in MANAGEMENT:
        raise Forbidden("Your role may not decide about requests. Ask a manager.")
    if is_asker:
        raise Forbidden("You asked for this yourself. Another manager decides about it.")


def require_waiting(status: ApprovalStatus) -> None:
    if status is not ApprovalStatus.REQUESTED:
        raise Conflict(f"This request is {status.value} already.")


def require_same_figures(seen: str, now: Figures) -> None:
    """Conflict where the figures are not those that the decider saw; `seen` '' = they were not shown."""
    if seen and seen != now.mark:
        raise Conflict("The figures changed since you opened this page. Look at them again, then decide.")


def require_no_more_waived(asked: Ask, then: Figures, now: Figures) -> None:
    """Conflict where a settlement would waive more than the figures say on which it was asked."""
    if isinstance(asked, AskAgreement) and asked.is_settlement and now.owed_minor > then.owed_minor:
        raise Conflict(
            "More is owed than when this was asked, so more would be waived. Decline it, and let it be asked again."
        )
