"""The gate's answer to a reminder at this moment, for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from app.book.customers.queries import Point
from app.book.customers.rules import PointKind, PointState, PointType
from app.core.labels import CHANNEL_LABELS, POINT_STATE_LABELS, POINT_TYPE_LABELS
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.events import LEFT_ALONE, is_personal
from app.outreach.gate.explain import nothing_owed, with_objection
from app.outreach.gate.facts import address_of, facts_at
from app.policy.answers import Clearance, Reason, Refusals, WaitUntil, told_once
from app.policy.facts import Contact
from app.policy.review import review
from app.policy.rules import LONGEST_CLEARANCE
from app.web.cases.reads import CaseView


@dataclass(frozen=True, slots=True)
class GateRow:
    """The gate's answer for one channel at this moment."""

    channel: Channel
    label: str
    address: str
    verdict: str
    """`yes`, `wait` or `no`."""
    until: datetime | None
    """yes: until when; wait: from when. None = no end in sight."""
    reasons: tuple[Reason, ...]
    consent: bool | None
    review_on: date | None = None
    """The review date of a hold that no date ends; None = there is none."""
    detail: str = ""
    """Type and state of a number beside the main one."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The facts of a customer at this moment, by which any of their numbers and addresses is judged."""

    view: CaseView
    nothing: Reason | None
    now: datetime
    works: bool
    """The reader works cases, and reads why a customer is left alone."""

    @property
    def callback_is_due(self) -> bool:
        """True if the customer is to be called back now: a call they asked for is no reminder."""
        at = self.view.file.case.callback_at
        return at is not None and at <= self.now

    def row(self, channel: Channel, address: str, detail: str = "") -> GateRow:
        """The answer to a reminder there, or to the callback that is due. Another number than the main one may be in a
        further time zone."""
        customer, facts = self.view.file.customer, self.view.facts
        answers_them = channel is Channel.CALL and self.callback_is_due
        purpose = Purpose.CONFIRMATION if answers_them else Purpose.REMINDER
        if channel is Channel.CALL and address != customer.mobile:
            facts = facts_at(facts, customer, address)
        answer = review(Contact(channel, purpose, address), facts, self.view.pack, self.now)
        if self.nothing and not answers_them:
            answer = with_objection(answer, self.nothing)
        reasons: tuple[Reason, ...] = ()
        if isinstance(answer, Clearance):
            closes = answer.not_after
            verdict, until = "yes", closes if closes < self.now + LONGEST_CLEARANCE else None
        elif isinstance(answer, WaitUntil):
            verdict, until, reasons = "wait", answer.at, answer.reasons
        else:
            verdict, until, reasons = "no", None, answer.reasons
        lines = [line for line in address.split("\n") if line != customer.full_name]
        shown = ", ".join(lines) if channel is Channel.POST else address
        review_on = answer.review_on if isinstance(answer, Refusals) else None
        reasons = reasons if self.works else tuple(map(impersonal, reasons))
        first, consent = weightiest_first(reasons), facts.consent.get(channel)
        return GateRow(
            channel, CHANNEL_LABELS[channel], shown, verdict, until, first, consent, review_on, detail
        )


def gate_of(view: CaseView, now: datetime, *, works: bool) -> Gate:
    return Gate(view, _nothing_to_remind_of(view), now, works)


def impersonal(reason: Reason) -> Reason:
    """The reason for who works no case: why a customer is left alone is not told where it is personal."""
    return replace(reason, detail=LEFT_ALONE, figures={}) if is_personal(reason.figures) else reason


def without_persons(row: GateRow, *, works: bool) -> GateRow:
    """The answer as who works no case reads it; the same for who does."""
    return row if works else replace(row, reasons=weightiest_first(tuple(map(impersonal, row.reasons))))


def may_contact(view: CaseView, now: datetime, *, works: bool) -> list[GateRow]:
    """Review an ordinary reminder on each channel, and a call to each further number; nothing is sent or recorded.

    The same question as `gate.explain`, with the facts gathered once for all channels. Messages that are
    queued already count.
    """
    gate = gate_of(view, now, works=works)
    rows = []
    for channel in (Channel.CALL, Channel.SMS, Channel.EMAIL, Channel.POST):
        rows.append(gate.row(channel, address_of(view.file.customer, channel)))
        if channel is Channel.CALL:
            others = [each for each in view.points if each.kind is PointKind.PHONE and not each.is_main]
            rows += [gate.row(channel, each.value, point_words(each)) for each in others if not each.ended_at]
    return rows


def point_words(point: Point) -> str:
    """Type and state of a number or address, as far as they say something."""
    state = "" if point.state is PointState.USABLE else POINT_STATE_LABELS[point.state].lower()
    work = "employer’s" if point.employer and point.type is not PointType.WORK else ""
    return ", ".join(filter(None, [POINT_TYPE_LABELS[point.type].lower(), work, state]))


def weightiest_first(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Sort reasons, each told once: those without an end first, then by their end, the latest first. An agent under "do
    not contact" should not read of a limit that ends tomorrow."""
    latest = datetime.max.replace(tzinfo=UTC)
    return tuple(sorted(told_once(reasons), key=lambda reason: reason.until or latest, reverse=True))


def _nothing_to_remind_of(view: CaseView) -> Reason | None:
    file = view.file
    if view.is_known and not file.owes.past_due:
        return nothing_owed()
    if file.is_open:
        return None
    sentence = f"case {file.case.reference} is closed"
    return Reason("desk.case_closed", "a closed case is not worked", sentence, "house", verified=True)
