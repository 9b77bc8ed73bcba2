"""Interest and late fees on a billing error: they rest while it is open, and its decision credits or charges them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session

from app.actions.disputes.creditor_tasks import ask_creditor, tell_creditor
from app.actions.disputes.days import billed_from, corrected_on
from app.book.charges.resting import Restated, set_rests
from app.book.charges.rests import rests_of_dispute
from app.book.charges.rules import Rest
from app.book.delinquency.days import DAY
from app.book.ledger.models import Account, Entry
from app.book.portfolios.models import Portfolio
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import (
    Correction,
    DisputeKind,
    DisputeOutcome,
    Resting,
    credited_on,
    rests_after,
)
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.money import with_code
from app.policy.composition import pack_of
from app.policy.pack import Pack


def charges_rest(dispute: Dispute, pack: Pack) -> bool:
    """Whether what a dispute is about bears nothing while it is open, by the law of the customer's place."""
    by_law = pack.disputes is not None and pack.disputes.charges_rest
    return by_law and dispute.kind is DisputeKind.BILLING_ERROR and dispute.account_id is not None


def let_charges_rest(
    session: Session,
    dispute: Dispute,
    pack: Pack,
    *,
    before: int | None = None,
    today: date,
    by: Actor,
    now: datetime,
) -> None:
    """Let an open billing error bear nothing from the day on which its notice came (12 CFR 1026.13(d)(1)). One that
    turned out to be something else bore nothing until today. `before`: the account that it was about until now. Where
    the creditor charges the interest, the owner of the case has the creditor do it. The caller holds the customer's
    lock."""
    portfolio = session.get_one(Portfolio, dispute.portfolio_id)
    caps, dispute_id = pack_of(portfolio).charges, id_of(dispute)
    if before is not None and before != dispute.account_id:
        # What is about every account by now is still in dispute: only its days end. An account that it was never
        # about bears all of them.
        past = (
            _until(today, rests_of_dispute(session, dispute_id, before)) if dispute.account_id is None else []
        )
        _count(
            dispute,
            set_rests(session, session.get_one(Account, before), dispute_id, past, caps, by=by, now=now),
        )
    if dispute.account_id is None:
        return
    account = session.get_one(Account, dispute.account_id)
    standing = rests_of_dispute(session, dispute_id, dispute.account_id)
    if charges_rest(dispute, pack) and dispute.amount_minor:
        rests = [Rest(dispute.received_on, None, dispute.amount_minor)]
    else:
        rests = _until(today, standing)
    _count(dispute, set_rests(session, account, dispute_id, rests, caps, by=by, now=now))
    if rests and rests[0].to_on is None and not portfolio.accrues and rests != standing:
        sum_now = with_code(rests[0].amount_minor, portfolio.currency)
        told = f"charge no interest and no late fees on {sum_now} from {dispute.received_on} on"
        ask_creditor(session, dispute, account, told, pack, today, by=by, now=now)


def _until(today: date, rests: Sequence[Rest]) -> list[Rest]:
    """What rested, until today at most."""
    return [
        Rest(each.from_on, min(each.to_on or today, today), each.amount_minor)
        for each in rests
        if each.from_on < today
    ]


def _count(dispute: Dispute, found: Restated) -> None:
    """Keep what the changes of an open dispute credited in all, without what they charged again."""
    net = (
        dispute.charges_credited_minor
        - dispute.charges_made_minor
        + found.credited_minor
        - found.charged_minor
    )
    dispute.charges_credited_minor, dispute.charges_made_minor = max(0, net), max(0, -net)


def settle_charges(
    session: Session,
    dispute: Dispute,
    pack: Pack,
    outcome: DisputeOutcome,
    conceded_minor: int,
    correction: Correction,
    entry: Entry | None,
    pay_by: date | None,
    *,
    today: date,
    by: Actor,
    now: datetime,
) -> None:
    """Credit what a billing error bore as far as it is conceded, since it was billed (12 CFR 1026.13(e)(1)). Interest
    on the rest of it for the time in which it was open is charged now where the pack permits that, and it bears
    nothing more until the days to pay are over (1026.13(g)). No late fee is charged afterwards. A customer who
    withdrew it is not written to, and charged nothing for that time. What rests is settled also where the pack does
    not say any more that it does. Called as the decision is carried out."""
    if (
        dispute.kind is not DisputeKind.BILLING_ERROR
        or dispute.account_id is None
        or not dispute.amount_minor
    ):
        dispute.charges_made_minor = 0  # it was charged on what is not in dispute any more
        return
    if not charges_rest(dispute, pack) and not rests_of_dispute(session, id_of(dispute), dispute.account_id):
        return
    may_charge = pack.disputes is not None and pack.disputes.charged_if_rejected
    account = session.get_one(Account, dispute.account_id)
    portfolio = session.get_one(Portfolio, dispute.portfolio_id)
    caps, dispute_id = pack_of(portfolio).charges, id_of(dispute)
    parts = rests_after(
        Resting(dispute.amount_minor, conceded_minor, billed_from(session, dispute), dispute.received_on),
        corrected_on=corrected_on(correction, entry, today),
        pay_by=pay_by,
        charged_again=may_charge and outcome is not DisputeOutcome.WITHDRAWN,
        today=today,
    )
    first = set_rests(session, account, dispute_id, [*parts.conceded, *parts.open], caps, by=by, now=now)
    second = set_rests(session, account, dispute_id, [*parts.conceded, *parts.rest], caps, by=by, now=now)
    before = credited_on(outcome, dispute.charges_credited_minor, conceded_minor, dispute.amount_minor)
    dispute.charges_credited_minor = before + first.credited_minor + second.credited_minor
    dispute.charges_made_minor = first.charged_minor + second.charged_minor
    if dispute.charges_made_minor and parts.rest:
        # What was charged now bears nothing either while there is time to pay it.
        more = [
            Rest(each.from_on, each.to_on, each.amount_minor + dispute.charges_made_minor)
            for each in parts.rest
        ]
        set_rests(session, account, dispute_id, [*parts.conceded, *more], caps, by=by, now=now)
    if not portfolio.accrues:
        tell_creditor(
            session, portfolio, dispute, account, pack, outcome, conceded_minor, pay_by, today, by, now
        )


def correct_charges(session: Session, dispute: Dispute, entry: Entry, *, by: Actor, now: datetime) -> None:
    """End the days on which a conceded part bears nothing: the creditor's correction lowers the balance itself."""
    if dispute.account_id is None:
        return
    standing = rests_of_dispute(session, id_of(dispute), dispute.account_id)
    if all(each.to_on is not None for each in standing):
        return
    portfolio = session.get_one(Portfolio, dispute.portfolio_id)
    ends_on = entry.effective_on + DAY
    rests = [
        Rest(each.from_on, ends_on, each.amount_minor) if each.to_on is None else each
        for each in standing
        if each.to_on is not None or each.from_on < ends_on
    ]
    account = session.get_one(Account, dispute.account_id)
    set_rests(session, account, id_of(dispute), rests, pack_of(portfolio).charges, by=by, now=now)
