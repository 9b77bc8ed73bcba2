"""Place, review and end a hold.

A page, the API, a call, a message and the customer's own page call the same function: it writes the hold, the pauses
that come with it, its event and the letter that acknowledges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from app.actions.protected_rates import move_protection, protect_rates
from app.book.charges.protection import end_protection
from app.book.delinquency.lifecycle import end_pause, set_pause
from app.book.delinquency.models import Pause
from app.book.ledger.models import Account, Customer
from app.book.ledger.queries import accounts_of
from app.book.ledger.rules import ENDED
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import Complaint
from app.casework.complaints.queries import open_complaints_of_hold
from app.casework.complaints.rules import OLDEST_RECEIPT_DAYS, Clocks, ReceivedComplaint, clocks_of
from app.casework.complaints.service import record_complaint
from app.casework.disputes.from_holds import close_with_hold, dispute_of_new_hold
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import Receipt
from app.casework.disputes.service import DisputeSaid
from app.casework.hardship.queries import open_request_of_hold
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import hold_of_kind
from app.casework.holds.rules import (
    ENDING_EVENTS,
    SILENCE_DAYS,
    EndsBy,
    hold_name,
)
from app.casework.holds.service import close_hold, keep_hold, set_end, start_hold
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_reason
from app.core.vocabulary import Channel, HoldKind
from app.outreach.duties.verification import verification_since
from app.outreach.planning.event_letters import acknowledge_hold
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.representatives.facts import unanswered_since
from app.policy.answers import Answer
from app.policy.composition import packs_for
from app.policy.kinds.hold import HoldRule
from app.policy.pack import Pack
from app.policy.sections.pauses import PauseKind


@dataclass(frozen=True, slots=True)
class PlacedHold:
    """A hold and the gate's answer for each channel of the letter that acknowledges it; none where no letter belongs to
    its kind."""

    hold: CaseHold
    acknowledgement: Mapping[Channel, Answer] = field(default_factory=dict)
    complaint: Complaint | None = None
    """Its row, where it is the hold of a complaint."""
    dispute: Dispute | None = None
    """Of a dispute hold: the dispute that it belongs to."""


def place_hold(
    session: Session,
    case: CollectionsCase,
    kind: HoldKind,
    reason: str,
    until: date,
    letters: LetterCatalog,
    *,
    since: date | None = None,
    by_person: bool = False,
    need_id: int | None = None,
    acknowledge: bool = True,
    complaint: ReceivedComplaint | None = None,
    is_reopened: bool = False,
    disputed: DisputeSaid | Dispute | Receipt | None = None,
    by: Actor,
    now: datetime,
) -> PlacedHold:
    """Leave the customer alone until a day, or until a person ends the hold and the day is its review date. `since`:
    the first day of what protects the customer, such as military service; None = today.

    `by_person`: no date ends it although a date ends others of its kind, because its end hangs on an event that nobody
    knows beforehand; its pauses stand until it ends. `need_id`: the support need that brings it.

    Where a pack of the customer's place knows how long such a hold lasts by law, it does not end before. Where the
    pack says so, the days of the customer's accounts rest as long, or their debts of before `since` bear less. A
    dispute or complaint is acknowledged in writing where the gate clears it; `acknowledge` off is for words that
    may be another person's. The hold of a complaint brings its row: `complaint` as it was received, or the reason
    as its words; its day is the day by which the answer is owed; `is_reopened`: the row is there already. A
    dispute hold belongs to a dispute: the one that is given, or one of the whole debt, received as `disputed` says or
    now. Conflict where a hold of this kind stands; the hold of a need stands beside it. The caller holds the customer's
    lock.
    """
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    if need_id is None:
        _require_none_stands(session, case, kind)
    pack = packs_for(portfolio, session.get_one(Customer, case.customer_id))
    clocks = None
    if kind is HoldKind.COMPLAINT and not is_reopened:
        complaint = complaint or ReceivedComplaint(reason)
        clocks, received_on = complaint_clocks(session, case, complaint, portfolio, pack, now=now)
        until = max(clocks.answer_by, today + timedelta(days=1))
    until = until if by_person else _not_before_the_law(pack, kind, until, today)
    since = _protected_since(kind, pack, since, today)
    hold = start_hold(
        session, case, kind, reason, until,
        by_person=by_person, need_id=need_id, by=by, today=today, now=now,
    )  # fmt: skip
    received = None
    if complaint is not None and clocks is not None:
        received = record_complaint(
            session, case, complaint, pack, clocks, id_of(hold), received_on, by=by, now=now
        )
    dispute = dispute_of_new_hold(session, case, hold, pack, disputed, by=by, today=today, now=now)
    pauses = pack.pauses
    if pauses is not None and kind in pauses.holds:
        for account in accounts_of(session, case.customer_id):
            if account.status not in ENDED:
                _pause(session, account, hold, today, None if by_person else until, by=by, now=now)
    protect_rates(session, case, hold, pack, since, today, by=by, now=now)
    if not acknowledge or is_reopened:
        return PlacedHold(hold, complaint=received, dispute=dispute)
    answers = acknowledge_hold(session, portfolio, hold, letters, on=today, by=by, now=now)
    return PlacedHold(hold, answers, received, dispute)


def complaint_clocks(
    session: Session,
    case: CollectionsCase,
    complaint: ReceivedComplaint,
    portfolio: Portfolio,
    pack: Pack,
    *,
    now: datetime,
) -> tuple[Clocks, date]:
    """The clocks of a complaint, and the local day on which it was received. Invalid for a time that has not come, or
    lies more than a year ago."""
    received_at = complaint.received_at or now
    today, received_on = (local_date(at, portfolio.timezone) for at in (now, received_at))
    if received_at > now:
        raise Invalid("The day of receipt lies in the future.", "received_at")
    if (today - received_on).days > OLDEST_RECEIPT_DAYS:
        raise Invalid("The day of receipt lies more than a year ago.", "received_at")
    country = session.get_one(Customer, case.customer_id).country or pack.country
    return clocks_of(pack.complaints, received_on, country, complaint.channel), received_on


def _protected_since(kind: HoldKind, pack: Pack, since: date | None, today: date) -> date:
    if since is None:
        return today
    if since > today:
        raise Invalid("Give a day that has begun, or none.", "since")
    if pack.protected_rate is None or kind not in pack.protected_rate.holds:
        raise Invalid(
            f"A {hold_name(kind)} begins today: no pack here protects from an earlier day on.", "since"
        )
    return since


def _not_before_the_law(pack: Pack, kind: HoldKind, until: date, placed_on: date) -> date:
    """The end of a hold: as it was entered, or later where the law names a length."""
    ends = [rule.law_ends(kind, placed_on) for rule in pack.rules if isinstance(rule, HoldRule)]
    return max([until, *filter(None, ends)])


def review_hold(
    session: Session, hold: CaseHold, reason: str, until: date, *, by: Actor, now: datetime
) -> None:
    """Keep a hold after a look at it, until another day; its pauses move with it, but for one that a person has ended
    before, nor before the end that the law names. Conflict where it has ended, or a support need placed it."""
    _require_own(hold)
    before = hold.until
    portfolio = session.get_one(Portfolio, session.get_one(CollectionsCase, hold.case_id).portfolio_id)
    pack = packs_for(portfolio, session.get_one(Customer, hold.customer_id))
    if not hold.by_person:
        placed_on = local_date(hold.started_at, portfolio.timezone)
        until = _not_before_the_law(pack, hold.kind, until, placed_on)
    keep_hold(session, hold, reason, until, by=by, today=_today(session, hold, now), now=now)
    for pause in _pauses_of(session, hold):
        if pause.to_on is not None and pause.to_on > until:
            end_pause(session, pause, until, by=by, now=now)
        elif pause.to_on == before < until:
            account = session.get_one(Account, pause.account_id)
            _pause(session, account, hold, before, until, by=by, now=now)
    move_protection(session, hold, pack, before, by=by, now=now)


def end_hold(
    session: Session,
    hold: CaseHold,
    reason: str = "",
    decided_by: str = "",
    *,
    because: EndsBy = EndsBy.DECISION,
    with_need: bool = False,
    by: Actor,
    now: datetime,
) -> None:
    """End a hold before its date, and with it its pauses: days count again from today. A hold that no date ends needs
    a reason and the name of the person who decided it, or the event that ends it, which must be on record. The night
    ends a hold whose date has come; the pauses of that one end on the same date by themselves. `with_need`: the support
    need that placed it ends, or what it waited for is over; by itself such a hold is not ended: Conflict."""
    if not with_need:
        _require_own(hold)
    today = _today(session, hold, now)
    if because is not EndsBy.DECISION:
        reason = ". ".join(filter(None, (_ending_event(session, hold, because, today), reason.strip())))
    if hold.kind is HoldKind.COMPLAINT and (still := open_complaints_of_hold(session, id_of(hold))):
        raise Conflict(
            f"Complaint {still[0].reference} is open. Answer it, or record its withdrawal; the hold ends with it."
        )
    if hold.kind is HoldKind.HARDSHIP and open_request_of_hold(session, id_of(hold)) is not None:
        raise Conflict("A request for help with payments is open. Decide it; the hold gets its end with it.")
    close_hold(session, hold, reason, decided_by, because=because, by=by, now=now)
    for pause in _pauses_of(session, hold):
        if pause.to_on is None or pause.to_on > today:
            end_pause(session, pause, today, by=by, now=now)
    close_with_hold(session, hold, by=by, now=now)
    end_protection(session, id_of(hold), today, by=by, now=now)


def rest_accounts(session: Session, hold: CaseHold, ends: date, *, by: Actor, now: datetime) -> None:
    """Let the days of the customer's accounts rest from today until `ends`, as long as the hold stands: nothing is
    charged and days past due stand still. An account that rests so long with this hold already stays as it is."""
    today = _today(session, hold, now)
    rested = {
        pause.account_id
        for pause in _pauses_of(session, hold)
        if pause.from_on <= today and (pause.to_on is None or pause.to_on >= ends)
    }
    for account in accounts_of(session, hold.customer_id):
        if account.status not in ENDED and account.id not in rested:
            _pause(session, account, hold, today, ends, by=by, now=now)


def keep_open(
    session: Session, hold: CaseHold, reason: str, review_on: date, *, by: Actor, now: datetime
) -> None:
    """Let no date end a hold from now on, because its end hangs on a decision; the day is that of its review. Its
    pauses stand until it ends."""
    before, today = hold.until, _today(session, hold, now)
    if not hold.by_person:
        for pause in _pauses_of(session, hold):
            if pause.to_on == before > today:
                account = session.get_one(Account, pause.account_id)
                _pause(session, account, hold, before, None, by=by, now=now)
    hold.by_person = True
    keep_hold(session, hold, reason, review_on, by=by, today=today, now=now)


def release_on(
    session: Session, hold: CaseHold, reason: str, until: date, *, by: Actor, now: datetime
) -> None:
    """What a hold waited for was decided: give it its end by date, and its pauses with it."""
    set_end(session, hold, reason, until, by=by, now=now)
    for pause in _pauses_of(session, hold):
        if pause.to_on is None:
            end_pause(session, pause, until, by=by, now=now)


def end_treatment(
    session: Session, hold: CaseHold, treated_until: date, reason: str, *, by: Actor, now: datetime
) -> date:
    """A crisis treatment has ended: give the moratorium its end by law, and its pauses with it. Answers the first day
    on which it is over; where that has come, the hold ends now. Invalid for a day to come, and where no pack of the
    customer's place knows such a moratorium; Conflict where its end is known already."""
    reason = clean_reason(reason)
    portfolio, today = _portfolio_of(session, hold), _today(session, hold, now)
    if not hold.by_person:
        raise Conflict(f"The end of this {hold_name(hold.kind)} is known: {hold.until}.")
    if treated_until > today:
        raise Invalid("Give a day that has come: the last day of the treatment.", "treated_until")
    if treated_until < local_date(hold.started_at, portfolio.timezone):
        raise Invalid("The treatment ended before this hold began. Check the day.", "treated_until")
    pack = packs_for(portfolio, session.get_one(Customer, hold.customer_id))
    ends = [rule.crisis_ends(hold.kind, treated_until) for rule in pack.rules if isinstance(rule, HoldRule)]
    until = max(filter(None, ends), default=None)
    if until is None:
        raise Invalid("No pack of the customer's place knows a moratorium in a crisis. End the hold instead.")
    if until <= today:
        end_hold(session, hold, reason, "the law", with_need=True, by=by, now=now)
        return until
    release_on(session, hold, reason, until, by=by, now=now)
    return until


def knows_crisis(pack: Pack) -> bool:
    """A pack of the customer's place knows a moratorium for people in a crisis treatment."""
    return any(isinstance(rule, HoldRule) and rule.crisis_days is not None for rule in pack.rules)


def _ending_event(session: Session, hold: CaseHold, because: EndsBy, today: date) -> str:
    """The event on record that ends the hold, as a sentence. Invalid where the kind has no such event, Conflict where
    none is on record since the hold began."""
    if ENDING_EVENTS.get(hold.kind) is not because:
        raise Invalid(
            f"A {hold_name(hold.kind)} does not end by this. Give the reason and who decided.", "because"
        )
    if because is EndsBy.VERIFICATION:
        return require_verification(
            session, _portfolio_of(session, hold), hold.customer_id, hold.started_at, today
        )
    asked_at = unanswered_since(session, hold.customer_id, hold.started_at)
    asked_on = local_date(asked_at, _portfolio_of(session, hold).timezone) if asked_at else None
    if asked_on is None or (today - asked_on).days < SILENCE_DAYS:
        said = "The attorney was not asked" if asked_on is None else f"The attorney was asked on {asked_on}"
        raise Conflict(
            f"{said}, or has answered since. A hold ends by silence {SILENCE_DAYS} days after an unanswered contact"
            " that is on record."
        )
    return f"The attorney has not answered since {asked_on}"


def require_verification(
    session: Session, portfolio: Portfolio, customer_id: int, since: datetime, today: date
) -> str:
    """The verification sent to a customer since a dispute came, as a sentence. Conflict where none is on record."""
    found = verification_since(session, portfolio, customer_id, since, today)
    if not found:
        raise Conflict(
            "No verification is on record since the dispute. Send the letter, or put what was sent on file as a"
            " document of the kind verification."
        )
    return found


def _require_own(hold: CaseHold) -> None:
    """A hold that a support need placed is in force as long as the need: whoever may see that one ends or keeps it."""
    if hold.need_id is not None:
        raise Conflict(
            "This hold was agreed with the customer, and ends with that: see Support needs. What you may not see there,"
            " a manager ends or keeps."
        )


def _require_none_stands(session: Session, case: CollectionsCase, kind: HoldKind) -> None:
    """Two of a kind would have to be ended twice before the customer hears from us again."""
    same = hold_of_kind(session, case.customer_id, kind)
    if same is not None:
        when = f"to be reviewed by {same.until}" if same.for_good else f"until {same.until}"
        raise Conflict(
            f"A {hold_name(kind)} stands already, {when}."
            " Add a note, or end that hold before you place another."
        )


def _pause(
    session: Session,
    account: Account,
    hold: CaseHold,
    from_on: date,
    to_on: date | None,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Its reason names the hold only: what the customer said stays with the hold."""
    why = f"hold {hold.id}: {hold.kind.value}"
    kind = PauseKind(hold.kind.value)
    set_pause(session, account, kind, from_on, to_on, why, hold_id=hold.id, by=by, now=now)


def _pauses_of(session: Session, hold: CaseHold) -> list[Pause]:
    query = (
        select(Pause)
        .join(Account, col(Account.id) == Pause.account_id)  # by index; few pauses have a hold
        .where(Account.customer_id == hold.customer_id, Pause.hold_id == hold.id)
        .order_by(col(Pause.id))
    )
    return list(session.scalars(query))


def _portfolio_of(session: Session, hold: CaseHold) -> Portfolio:
    case = session.get_one(CollectionsCase, hold.case_id)
    return session.get_one(Portfolio, case.portfolio_id)


def _today(session: Session, hold: CaseHold, now: datetime) -> date:
    return local_date(now, _portfolio_of(session, hold).timezone)
