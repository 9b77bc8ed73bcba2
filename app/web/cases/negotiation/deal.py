"""The state of a negotiation: the offers on record of today, or those that the figures typed give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.actions.negotiation.negotiating import chance_version, preview_counter, preview_offers
from app.casework.negotiation.facts import Affordability, Basis, NotOffered, Option
from app.casework.negotiation.household.queries import affordability_of, newest_answer, payday_of
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.record.models import Negotiation, NegotiationOffer
from app.casework.negotiation.record.queries import negotiations_of, offers_of
from app.casework.negotiation.record.rules import STANDING, OfferStatus
from app.casework.negotiation.solver.counter import Counter
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.web.cases.case_file import CaseFile
from app.web.cases.negotiation.rows import Shown, mark_of


@dataclass(frozen=True, slots=True)
class Deal:
    options: Sequence[Shown]
    not_offered: Sequence[NotOffered]
    affordability: Affordability
    counter: Shown | None = None
    """What the customer offers instead, where it can be made."""
    counter_why: str = ""
    """Why it cannot."""
    holds_until: date | None = None
    """The last day on which the price of the offers holds; None = they are not on record."""
    negotiation: Negotiation | None = None
    chance_version: str = ""
    """What the chances are from; '' = nothing was computed."""
    ended: bool = False
    """Some were refused or lapsed."""


def answer_on_record(session: Session, file: CaseFile) -> Answer | None:
    row = newest_answer(session, file.case.customer_id)
    return None if row is None else Answer(row.monthly_minor, row.once_minor, payday_of(row))


def deal_of(session: Session, file: CaseFile, *, role: Role, now: datetime) -> Deal:
    """The offers of the case's negotiation of today; without one, those that what is on record gives."""
    latest = next(iter(negotiations_of(session, id_of(file.case), limit=1)), None)
    if latest is None or local_date(latest.at, file.portfolio.timezone) != file.book.today:
        return typed_deal(session, file, None, None, role=role, now=now)
    offers = offers_of(session, [id_of(latest)])[id_of(latest)]
    own = [each for each in offers if not each.countered]
    ended = {each.status for each in offers} - STANDING - {OfferStatus.NOT_OFFERED}
    if OfferStatus.ACCEPTED in ended:  # those beside it lapsed: what can be agreed now is another question
        return typed_deal(session, file, None, None, role=role, now=now)
    countered = [each for each in offers if each.countered]
    last = countered[-1] if countered else None
    refused = last is not None and last.status is OfferStatus.NOT_OFFERED
    return Deal(
        options=[shown for each in own if (shown := _standing(each))],
        not_offered=[
            NotOffered(each.kind, each.reason, each.rule, each.citation)
            for each in own
            if each.status is OfferStatus.NOT_OFFERED
        ],
        affordability=latest.solver_facts.affordability,
        counter=_standing(last) if last else None,
        counter_why=last.reason if last and refused else "",
        holds_until=max((each.expires_on for each in own if each.expires_on), default=None),
        negotiation=latest,
        chance_version=latest.chance_version,
        ended=bool(ended),
    )


def _standing(offer: NegotiationOffer) -> Shown | None:
    option = offer.option
    if option is None or offer.status not in STANDING:
        return None
    done = "Asked of a manager" if offer.request_id else "Sent in writing" if offer.plan_id else ""
    return Shown(option, f"o{id_of(offer)}", done)


def typed_deal(
    session: Session,
    file: CaseFile,
    answer: Answer | None,
    counter: Counter | None,
    *,
    role: Role,
    now: datetime,
) -> Deal:
    """The offers for what is typed; nothing is on record and no price holds."""
    known = affordability_of(session, file.case.customer_id, today=file.book.today)
    if answer is None and known.basis is Basis.UNKNOWN and counter is None:
        return Deal((), (), known)
    solution = preview_offers(session, file.case, answer, role=role, now=now)
    judged: Option | NotOffered | None = None
    if counter is not None:
        judged = preview_counter(session, file.case, answer, counter, role=role, now=now)
    return Deal(
        options=[Shown(option, mark_of(option)) for option in solution.options],
        not_offered=solution.not_offered,
        affordability=known,
        counter=Shown(judged, mark_of(judged)) if isinstance(judged, Option) else None,
        counter_why=judged.why if isinstance(judged, NotOffered) else "",
        chance_version=chance_version(session, file.case, now=now),
    )
