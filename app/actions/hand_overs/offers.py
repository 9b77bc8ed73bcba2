"""Offer help and products, and take the answers down. Callers hold the customer's lock."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.actions.hand_overs.sales import refuse_sale
from app.book.portfolios.days import local_today
from app.casework.cases.models import CollectionsCase
from app.casework.hand_overs import service
from app.casework.hand_overs.catalog import desks, offer_named
from app.casework.hand_overs.models import HelpOffer
from app.casework.hand_overs.queries import declined_on, get_offer
from app.casework.hand_overs.rules import HandOverKind, OfferAnswer, OfferItem, check_again
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role


def offer_help(
    session: Session, case: CollectionsCase, code: str, answer: OfferAnswer, note: str = "",
    *, by: Actor, role: Role, now: datetime,
) -> HelpOffer:  # fmt: skip
    """Put on record what was offered and what the customer said; what is accepted goes to its desk at once. Invalid for
    a sale that may not be, naming `offer`."""
    item, today = offer_named(code), local_today(session, case.portfolio_id, now)
    if item.sale:
        refuse_sale(session, case, "offer", role, by)
    check_again(item, declined_on(session, case.customer_id, code), answer, today)
    row = service.add_offer(session, case, item, answer, note, today=today, by=by, now=now)
    _pass_on(session, case, row, item, today=today, by=by, now=now)
    return row


def answer_offer(
    session: Session, case: CollectionsCase, help_offer_id: int, answer: OfferAnswer,
    *, by: Actor, role: Role, now: datetime,
) -> HelpOffer:  # fmt: skip
    """Record the answer of a customer who thought about it. A product that may not be sold now is not accepted."""
    row = get_offer(session, case.customer_id, help_offer_id)
    item, today = offer_named(row.code), local_today(session, case.portfolio_id, now)
    if item.sale and answer is OfferAnswer.ACCEPTED:
        refuse_sale(session, case, "answer", role, by)
    service.answer_offer(session, case, row, item, answer, today=today, by=by, now=now)
    _pass_on(session, case, row, item, today=today, by=by, now=now)
    return row


def _pass_on(
    session: Session, case: CollectionsCase, row: HelpOffer, item: OfferItem,
    *, today: date, by: Actor, now: datetime,
) -> None:  # fmt: skip
    if row.answer is not OfferAnswer.ACCEPTED or not item.desk:
        return
    kind = HandOverKind.SALES_INTEREST if item.sale else HandOverKind.HELP
    words = ": ".join(filter(None, (f"Accepted: {item.label}", row.note)))
    service.hand_to_desk(
        session, case, desks()[item.desk], kind, words, help_offer_id=id_of(row), today=today, by=by, now=now
    )
