"""The effects of a call, in words that the agent can repeat to the customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session
from starlette.requests import Request

from app.actions.results.doubts import Doubt, DoubtKind
from app.actions.results.report import CallEffects, CallReport
from app.casework.holds.rules import end_words
from app.casework.results.rules import ContactWay
from app.core.labels import CHANNEL_LABELS, HOLD_LABELS, in_sentence
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.answers import confirmation_words, in_writing_words, reader_of
from app.web.form_action import Flash
from app.web.lookups import staff_names
from app.web.rendering import Tone

WAY_LABELS = {
    ContactWay.CALL: "Call",
    ContactWay.EMAIL: "E-mail",
    ContactWay.POST: "Letter",
    ContactWay.VISIT: "Visit",
}


def effect_words(
    request: Request, file: CaseFile, call: CallReport, effects: CallEffects, now: datetime
) -> Flash:
    reader = reader_of(request, file, zone=file.zone)
    tone: Tone = "good"
    said = [f"{WAY_LABELS[call.way]} saved.", *_stops(request, file, effects, now)]
    if call.callback_at is not None:
        said.append(f"The callback comes first on the worklist from {reader.instant(call.callback_at)}.")
    said += _attempts(effects, reader.instant(effects.retry_at) if effects.retry_at else "")
    if effects.plan is not None:
        words, tone = confirmation_words(request, file, effects.confirmations, now)
        due_on = reader.day(call.due_on)
        said.append(f"Promise of {reader.money(call.amount_minor)} by {due_on} saved. {words}")
    said += [f"Task: {task}." for task in effects.tasks]
    if call.way.is_written:
        said.append("Put the letter itself on file under Documents.")
    if effects.request:
        said.append("A manager is asked to decide; the answer comes back as a task.")
    return " ".join(filter(None, said)), tone


def _stops(request: Request, file: CaseFile, effects: CallEffects, now: datetime) -> Iterator[str]:
    reader = reader_of(request, file, zone=file.zone)
    if effects.number_rests:
        yield f"{effects.number_rests} is not used on any channel until you confirm it under Open items."
    if effects.placed is not None:
        hold = effects.placed.hold
        until = reader.day(hold.until)
        yield f"{HOLD_LABELS[hold.kind]} hold placed: {end_words(hold.kind, until)}."
        yield in_writing_words(request, file, effects.placed.acknowledgement, now)
    if effects.opted_out is not None:
        yield f"No more contact by {in_sentence(CHANNEL_LABELS[effects.opted_out])}."


def _attempts(effects: CallEffects, retry_at: str) -> Iterator[str]:
    if not effects.attempt:
        return
    nth = f"Attempt {effects.attempt} of {effects.attempts}."
    if not effects.task_kept:
        yield f"{nth} That was the last one: the strategy goes on."
    elif retry_at:
        yield f"{nth} The call stays to be made: try again from {retry_at}."
    else:
        yield f"{nth} The call stays to be made."


def doubt_words(request: Request, session: Session, file: CaseFile, doubt: Doubt) -> str:
    """The question that the agent has to answer with a yes."""
    reader = reader_of(request, file, zone=file.zone)
    if doubt.kind is DoubtKind.AMOUNT:
        times = f", {doubt.amount_minor / doubt.past_due_minor:.1f} times as much"
        amount, due = reader.money(doubt.amount_minor), reader.money(doubt.past_due_minor)
        return f"{amount} is promised and {due} is past due{times}. Is that right?"
    at = reader.clock(doubt.at) if doubt.at else ""
    if doubt.kind is DoubtKind.AGAIN:
        return f"You logged this result at {at}. Was this another call?"
    named = replace(reader, names=staff_names(session))
    return f"{named.who(doubt.by)} logged a call at {at}. Was yours another call?"
