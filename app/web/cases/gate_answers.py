"""The gate's answer to a reminder at this moment, for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from app.core.labels import CHANNEL_LABELS
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.explain import nothing_owed, with_objection
from app.outreach.gate.facts import address_of
from app.policy.answers import Clearance, Reason, Refusals, WaitUntil
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


def may_contact(view: CaseView, now: datetime) -> list[GateRow]:
    """Review an ordinary reminder on each channel; nothing is sent or recorded.

    The same question as `gate.explain`, with the facts gathered once for all channels. Messages that are
    queued already count.
    """
    file, facts, pack = view.file, view.facts, view.pack
    nothing = _nothing_to_remind_of(view)
    rows = []
    for channel in (Channel.CALL, Channel.SMS, Channel.EMAIL, Channel.POST):
        address = address_of(file.customer, channel)
        answer = review(Contact(channel, Purpose.REMINDER, address), facts, pack, now)
        if nothing:
            answer = with_objection(answer, nothing)
        reasons: tuple[Reason, ...] = ()
        if isinstance(answer, Clearance):
            closes = answer.not_after
            verdict, until = "yes", closes if closes < now + LONGEST_CLEARANCE else None
        elif isinstance(answer, WaitUntil):
            verdict, until, reasons = "wait", answer.at, answer.reasons
        else:
            verdict, until, reasons = "no", None, answer.reasons
        lines = [line for line in address.split("\n") if line != file.customer.full_name]
        shown = ", ".join(lines) if channel is Channel.POST else address
        review_on = answer.review_on if isinstance(answer, Refusals) else None
        consent = facts.consent.get(channel)
        shown_first = weightiest_first(reasons)
        rows.append(
            GateRow(channel, CHANNEL_LABELS[channel], shown, verdict, until, shown_first, consent, review_on)
        )
    return rows


def weightiest_first(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Sort reasons: those without an end first, then by their end, the latest first. An agent under "do not contact"
    should not read of a limit that ends tomorrow."""
    latest = datetime.max.replace(tzinfo=UTC)
    return tuple(sorted(reasons, key=lambda reason: reason.until or latest, reverse=True))


def _nothing_to_remind_of(view: CaseView) -> Reason | None:
    file = view.file
    if view.is_known and not file.owes.past_due:
        return nothing_owed()
    if file.is_open:
        return None
    sentence = f"case {file.case.reference} is closed"
    return Reason("desk.case_closed", "a closed case is not worked", sentence, "house", verified=True)
