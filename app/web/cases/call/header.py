"""The head of the case page: the figures and facts that an agent needs before the first word of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.casework.cases.events import CallLogged
from app.casework.cases.models import case_reference
from app.casework.parties.models import ThirdParty
from app.casework.results.rules import Direction
from app.core.labels import PARTY_LABELS
from app.web.cases.call.stops import Stop, objected, strongest_stop
from app.web.cases.gate_answers import GateRow
from app.web.cases.reads import CASE_READS, CaseView

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Header:
    minimum: int
    """The open minimum of the latest statements, on all accounts; 0 where it was paid."""
    minimum_on: date | None
    """The date on which it is due; None = no statement is open."""
    paid: int
    """The last payment, in minor units."""
    paid_on: date | None
    reached_at: datetime | None
    """The last call in which the cardholder spoke with us."""
    attempts: int
    """Calls that we made in the last 7 days, answered or not."""
    last_call_at: datetime | None
    last_call_by: str
    stop: Stop | None
    owes_again: int | None
    """The customer's open case, where it is not this one."""

    @property
    def owes_again_under(self) -> str:
        return case_reference(self.owes_again) if self.owes_again else ""


def header_of(view: CaseView, gate: Sequence[GateRow], now: datetime) -> Header:
    """`gate`: its answers of this moment with every reason."""
    file, found = view.file, view.found
    minimums = [each for stands in file.stands.values() for each in stands.minimums]
    minimum_on = min((due_on for _, due_on, _ in minimums), default=None)
    payment = next(iter(found[CASE_READS.last_payment]), None)
    calls = found[CASE_READS.calls]
    logged = [(call.at, CallLogged.from_json(call.data)) for call in calls]
    speaks = view.representative
    return Header(
        minimum=sum(amount for _, due_on, amount in minimums if due_on == minimum_on),
        minimum_on=minimum_on,
        paid=-payment.amount_minor if payment else 0,
        paid_on=payment.effective_on if payment else None,
        reached_at=next((at for at, call in logged if call.conversation), None),
        attempts=sum(at >= now - WEEK for at, call in logged if call.direction is Direction.OUT),
        last_call_at=calls[0].at if calls else None,
        last_call_by=calls[0].by if calls else "",
        stop=strongest_stop(
            {hold.kind: hold.reason for hold in found[CASE_READS.gate.holds]},
            objected((row.channel, row.reasons) for row in gate),
            with_legal=file.case.with_legal_since is not None,
            representatives=[contact_words(speaks)] if speaks else (),
        ),
        owes_again=next((row.id for row in found[CASE_READS.open_cases]), None),
    )


def contact_words(party: ThirdParty) -> str:
    """Whom to contact in the customer's place, and how."""
    how = next(filter(None, [party.phone, party.email, party.address.replace("\n", ", ")]), "")
    said = [f"{PARTY_LABELS[party.kind].lower()} {party.full_name}", how]
    return ", ".join(filter(None, [*said, f"their reference {party.reference}" if party.reference else ""]))
