"""The gate's answers as sentences that a page shows after a form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from starlette.requests import Request

from app.core.labels import CHANNEL_LABELS, in_sentence
from app.core.vocabulary import Channel
from app.http.formats import reader_locale
from app.policy.answers import Answer, Clearance, Refusals, WaitUntil
from app.web.cases.case_file import CaseFile
from app.web.cases.gate_answers import weightiest_first
from app.web.rendering import Tone
from app.web.timeline import PageReader


def confirmation_words(
    request: Request, file: CaseFile, answers: Mapping[Channel, Answer], now: datetime
) -> tuple[str, Tone]:
    reader = reader_of(request, file, zone=file.zone)
    said = [answer_words(c, a, reader, now) for c, a in answers.items()]
    queued = any(isinstance(answer, Clearance) for answer in answers.values())
    return "Confirmation: " + "; ".join(said) + ".", "good" if queued else "warn"


def in_writing_words(
    request: Request, file: CaseFile, answers: Mapping[Channel, Answer], now: datetime
) -> str:
    """The result of the letter that belongs to an action, by each channel that was asked; '' = there is none."""
    reader = reader_of(request, file, zone=file.zone)
    said = [answer_words(channel, answer, reader, now) for channel, answer in answers.items()]
    return f"In writing: {'; '.join(said)}." if said else ""


def answer_words(
    channel: Channel, answer: Answer, reader: PageReader, now: datetime, *, kept: bool = True
) -> str:
    """Word the gate's answer. `kept`: whether a message that has to wait is sent by itself once it may be."""
    how = in_sentence(CHANNEL_LABELS[channel])
    if isinstance(answer, Clearance):
        later = f", leaves {reader.instant(answer.not_before)}" if answer.not_before > now else ""
        return f"{how} queued{later}"
    if isinstance(answer, WaitUntil) and not kept:
        why = _reasons(answer, reader)
        return f"{how} not sent, {why}; send it from {reader.instant(answer.at)} on"
    if isinstance(answer, WaitUntil):
        return f"{how} waits until {reader.instant(answer.at)}, {_reasons(answer, reader)}"
    return f"no {how}, {_reasons(answer, reader)}"


def _reasons(answer: Refusals | WaitUntil, reader: PageReader) -> str:
    """Return the first two reasons, those that no date ends before the others."""
    return " and ".join(reader.plain(reason.detail) for reason in weightiest_first(answer.reasons)[:2])


def reader_of(request: Request, file: CaseFile, zone: str = "") -> PageReader:
    return PageReader(reader_locale(request), file.book.currency, zone or file.portfolio.timezone)
