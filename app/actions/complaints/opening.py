"""Open a complaint: the row, its hold, its clocks, its event and the letter that acknowledges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from app.actions.assignment import assignable
from app.actions.holds import complaint_clocks, place_hold
from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import Complaint
from app.casework.complaints.rules import LONGEST_WORDS, WORDS_EMPTY, LetterKind, ReceivedComplaint
from app.casework.complaints.service import record_complaint
from app.casework.holds.queries import hold_of_kind
from app.core.actor import Actor, ActorKind
from app.core.clock import local_date
from app.core.errors import Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.queries import person_behind, user_named
from app.core.text import clean_text
from app.core.vocabulary import Channel, HoldKind
from app.outreach.planning.complaints.writing import ComplaintTold, write_complaint_letters
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer
from app.policy.composition import packs_for

LONGEST_HOLD_REASON = 500


@dataclass(frozen=True, slots=True)
class OpenedComplaint:
    """A complaint, and the gate's answer for each channel of the letter that acknowledges it."""

    complaint: Complaint
    acknowledgement: Mapping[Channel, Answer] = field(default_factory=dict)


def open_complaint(
    session: Session,
    case: CollectionsCase,
    received: ReceivedComplaint,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> OpenedComplaint:
    """Put a complaint on record. Its hold stops what packs and portfolio say, and every legal step; a second complaint
    of the customer shares it. It is acknowledged in writing where the gate clears that. Invalid, naming the field, for
    an account of another customer, an owner who works no cases, or a day of receipt that cannot be. The caller holds
    the customer's lock."""
    words = clean_text(received.words, "words", at_most=LONGEST_WORDS, empty=WORDS_EMPTY)
    _check(session, case, received)
    hold = hold_of_kind(session, case.customer_id, HoldKind.COMPLAINT)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    if hold is None:
        placed = place_hold(
            session, case, HoldKind.COMPLAINT, words[:LONGEST_HOLD_REASON], today + timedelta(days=1), letters,
            complaint=received, by=by, now=now,
        )  # fmt: skip
        assert placed.complaint is not None
        return OpenedComplaint(placed.complaint, placed.acknowledgement)
    pack = packs_for(portfolio, session.get_one(Customer, case.customer_id))
    clocks, received_on = complaint_clocks(session, case, received, portfolio, pack, now=now)
    complaint = record_complaint(
        session, case, received, pack, clocks, id_of(hold), received_on, by=by, now=now
    )
    told = write_complaint_letters(
        session, portfolio, [ComplaintTold(complaint, LetterKind.ACKNOWLEDGEMENT)], letters,
        on=today, by=by, now=now,
    )  # fmt: skip
    return OpenedComplaint(complaint, told[id_of(complaint)])


def require_owner(session: Session, owner: str, about_staff: str = "") -> None:
    """Invalid for a person who works no cases, and for the one complained about, by user name or by name (DISP 1.4.1R:
    a complaint is investigated impartially); '' = none."""
    if not owner:
        return
    names = assignable(session)
    if owner not in names:
        raise Invalid("There is no active member of staff with this user name.", "owner")
    if is_same_staff(about_staff, owner, names[owner]):
        raise Invalid(
            "The person complained about does not answer the complaint. Choose another owner.", "owner"
        )


def is_same_staff(about: str, username: str, name: str) -> bool:
    """True if these words name the member of staff."""
    return " ".join(about.split()).casefold() in {username.casefold(), name.casefold()}


def require_not_about(session: Session, complaint: Complaint, by: Actor) -> None:
    """Forbidden to the person complained about, also by a token of theirs (DISP 1.4.1R)."""
    person = person_behind(session, by)
    if not complaint.about_staff or person.kind is not ActorKind.USER:
        return
    user = user_named(session, person.name)
    if is_same_staff(complaint.about_staff, person.name, user.display_name if user else ""):
        raise Forbidden("This complaint is about you. Somebody else decides about it.")


def _check(session: Session, case: CollectionsCase, received: ReceivedComplaint) -> None:
    if received.account_id is not None:
        account = session.get(Account, received.account_id)
        if account is None or account.customer_id != case.customer_id:
            raise Invalid("This account is not one of the customer. Choose one of theirs.", "account")
    require_owner(session, received.owner, received.about_staff)
