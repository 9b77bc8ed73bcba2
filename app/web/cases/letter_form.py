"""Form of a letter sent by hand: the letters that fit this customer, why the others do not, and the words before they
are queued."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session
from starlette.requests import Request

from app.core.errors import Conflict, Invalid
from app.core.labels import CHANNEL_LABELS, in_sentence
from app.core.text import sentence
from app.core.vocabulary import Channel
from app.http.context import ports_of, settings_of
from app.http.formats import reader_locale
from app.outreach.gate.facts import address_of
from app.outreach.letters.sms import sms_encoding, sms_segments
from app.outreach.planning.on_demand import LetterChoice, letter_choices, word_on_demand
from app.policy.answers import Answer, Clearance, WaitUntil
from app.web.cases.case_file import CaseFile
from app.web.cases.gate_answers import weightiest_first
from app.web.forms import AnswerPreview, LetterPreview
from app.web.managers.letters import cost_of
from app.web.timeline import PageReader
from app.web.wording import language_words


@dataclass(frozen=True, slots=True)
class LetterOptions:
    offered: Sequence[tuple[str, str]]
    """(`letter:channel`, in words)."""
    refused: Sequence[tuple[str, str]]
    """(letters and channels in words, why not)."""


NO_LETTERS = LetterOptions((), ())


def letter_options(request: Request, session: Session, file: CaseFile, now: datetime) -> LetterOptions:
    """Return the letters and channels that the law and the portfolio allow for this customer now, in the language in
    which each goes out; and the others, those with one reason together."""
    locale = reader_locale(request)
    reader = PageReader(locale, file.book.currency, file.zone)
    choices = letter_choices(session, file.portfolio, file.case, ports_of(request).catalog, now=now)
    offered, refused = [], dict[str, list[str]]()
    for each in choices:
        named = f"{each.title} by {in_sentence(CHANNEL_LABELS[each.channel])}"
        if not each.is_offered:
            refused.setdefault(_why_not(each, reader), []).append(named)
            continue
        if each.language.partition("-")[0] != file.customer.language.partition("-")[0]:
            named = f"{named}, in {language_words(each.language, locale)}"
        offered.append((f"{each.letter}:{each.channel}", named))
    return LetterOptions(offered, [("; ".join(names), why) for why, names in refused.items()])


def _why_not(choice: LetterChoice, reader: PageReader) -> str:
    return sentence(choice.why or " and ".join(_reasons(choice.answer, reader)))


def _reasons(answer: Answer | None, reader: PageReader) -> Iterator[str]:
    if answer is None or isinstance(answer, Clearance):
        return
    if isinstance(answer, WaitUntil):
        yield f"not before {reader.instant(answer.at)}"
    for reason in weightiest_first(answer.reasons)[:2]:
        yield reader.plain(reason.detail)


def letter_preview(
    request: Request, session: Session, file: CaseFile, letter: str, channel: str, now: datetime
) -> LetterPreview | None:
    """Return the letter as it would leave now; None for one that cannot be written, which sending it says."""
    try:
        by = Channel(channel)
        words = word_on_demand(
            session, file.portfolio, file.case, letter, by, ports_of(request).catalog, now=now
        )
    except (ValueError, Invalid, Conflict):
        return None
    sms = None
    if by is Channel.SMS:
        segments = sms_segments(words.text)
        cost = cost_of(settings_of(request), by, segments, 0)
        sms = AnswerPreview(words.text, segments, sms_encoding(words.text), cost)
    marked = "\0".join((letter, channel, words.version, words.language, words.subject, words.text))
    return LetterPreview(
        subject=words.subject,
        text=words.text,
        lang=words.language,
        language=language_words(words.language, reader_locale(request)),
        address=address_of(file.customer, by),
        mark=hashlib.sha256(marked.encode()).hexdigest()[:32],
        sms=sms,
    )
