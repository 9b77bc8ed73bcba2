"""What is offered and what the customer says, work handed to another desk, abusive contact. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.core.errors import Forbidden, Invalid
from app.core.staff.rules import MANAGEMENT, Role

LONGEST_DUE = timedelta(days=92)
WARNING_STANDS = timedelta(days=183)
"""A warning counts for half a year: who is rude again later is warned again. A house rule."""


class OfferAnswer(StrEnum):
    ACCEPTED = "accepted"
    DECLINED = "declined"
    THINKING = "thinking"


class HandOverKind(StrEnum):
    """What is handed over."""

    APPLICATION = "application"
    """The customer applies for something."""
    SALES_INTEREST = "sales_interest"
    """The customer asked about a product."""
    HELP = "help"
    CONDUCT = "conduct"
    """A supervisor takes over after abusive contact."""


CHOSEN_KINDS = (HandOverKind.APPLICATION, HandOverKind.SALES_INTEREST, HandOverKind.HELP)
"""Those that a person chooses; a supervisor is called by the record of abusive contact."""


class HandOverStatus(StrEnum):
    HANDED = "handed"
    RECEIVED = "received"
    DONE = "done"
    RETURNED = "returned"
    """The desk did not do it; its words say why."""


ENDS = (HandOverStatus.DONE, HandOverStatus.RETURNED)


class ConductStep(StrEnum):
    WARNED = "warned"
    """The customer was told that the call ends if it goes on."""
    ENDED = "ended"
    """The call was ended."""


class DeskNeed(StrEnum):
    """What a desk may be told of a customer."""

    NAME = "name"
    TELEPHONE = "telephone"
    EMAIL = "email"
    ACCOUNT = "account"


ANSWER_LABELS: Mapping[OfferAnswer, str] = {
    OfferAnswer.ACCEPTED: "Accepted", OfferAnswer.DECLINED: "Declined", OfferAnswer.THINKING: "Thinks about it",
}  # fmt: skip
HAND_OVER_LABELS: Mapping[HandOverKind, str] = {
    HandOverKind.APPLICATION: "Application", HandOverKind.SALES_INTEREST: "Interest in a product",
    HandOverKind.HELP: "Help", HandOverKind.CONDUCT: "Abusive contact",
}  # fmt: skip
HAND_OVER_STATES: Mapping[HandOverStatus, str] = {
    HandOverStatus.HANDED: "Handed over", HandOverStatus.RECEIVED: "Received",
    HandOverStatus.DONE: "Done", HandOverStatus.RETURNED: "Returned",
}  # fmt: skip
CONDUCT_LABELS: Mapping[ConductStep, str] = {
    ConductStep.WARNED: "Warned", ConductStep.ENDED: "Call ended",
}  # fmt: skip
NEED_LABELS: Mapping[DeskNeed, str] = {
    DeskNeed.NAME: "name", DeskNeed.TELEPHONE: "telephone", DeskNeed.EMAIL: "e-mail", DeskNeed.ACCOUNT: "account",
}  # fmt: skip

SUPERVISORS = "supervisors"
"""The desk that abusive contact goes to; the list of desks always has it."""
MOST_QUOTED = 500
"""Longest quotation of a warning letter, in characters: a letter cuts what is longer."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Another desk: a role's queue here, or people outside, whose receipt somebody records."""

    code: str
    name: str
    needs: tuple[DeskNeed, ...]
    """All that it may be told of a customer."""
    days: int
    """Days in which it is expected to be done."""
    role: Role | None = None
    """None = outside this product."""
    email: str = ""
    sells: bool = False


@dataclass(frozen=True, slots=True)
class OfferItem:
    """Something that may be offered to a customer."""

    code: str
    label: str
    desk: str = ""
    """Where an accepted offer goes; '' = nowhere."""
    sale: bool = False
    again_after_days: int = 0
    """Days after a no in which it is not offered again."""


@dataclass(frozen=True, slots=True)
class SaleStops:
    """What stands on a customer that forbids a sale."""

    holds: Sequence[str] = ()
    """Names of the open holds that this reader may see."""
    hidden: bool = False
    """Something that this reader may not see."""
    complaint: bool = False
    hardship: bool = False
    need: bool = False
    """A need for safety, or after an event, that this reader may see."""


def sale_refusal(stops: SaleStops) -> str:
    """Why nothing is sold to this customer now, as far as the reader may know it; '' = it may be.

    Source: FCA FG21/1 and PRIN 2A: no sale to a customer whose situation speaks against it. What a reader may not see
    is not hinted at.
    """
    why = [f"{name} stands" for name in stops.holds]
    why += ["a complaint is open"] if stops.complaint else []
    why += ["a request for help with payments is open"] if stops.hardship else []
    why += ["a support need stands that comes first"] if stops.need else []
    if why:
        return f"Nothing is sold to this customer now: {', '.join(why)}. Offer help instead."
    return (
        "Nothing is sold to this customer now. Ask a manager if you need to know why." if stops.hidden else ""
    )


def check_again(item: OfferItem, declined_on: date | None, answer: OfferAnswer, today: date) -> None:
    """Invalid, naming `offer`, for what was declined a short time ago; a customer who takes it now may have it."""
    if declined_on is None or answer is OfferAnswer.ACCEPTED:
        return
    again = declined_on + timedelta(days=item.again_after_days)
    if today < again:
        raise Invalid(f"Declined on {declined_on}. It is not offered again before {again}.", "offer")


def due_day(desk: Desk, chosen: date | None, today: date) -> date:
    """The day by which the desk is to have done it. Invalid for one that is over, or too far away."""
    on = chosen or today + timedelta(days=desk.days)
    if not today <= on <= today + LONGEST_DUE:
        raise Invalid(f"Choose a day from today to {today + LONGEST_DUE}.", "due_on")
    return on


def require_of_desk(desk: Desk | None, role: Role) -> None:
    """Forbidden where the work is for people of another role. A receipt of a desk outside is recorded by anyone who
    works the case."""
    if desk is not None and desk.role is not None and role != desk.role and role not in MANAGEMENT:
        raise Forbidden(f"This is for the desk {desk.name}. Its own people receive and end it.")
