"""Call scripts: the words of a letter for the telephone, in the part for anybody and the part for the cardholder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.vocabulary import Channel
from app.outreach.letters.forms import BODY_FORMS, block_path
from app.outreach.letters.letter import Letter, LetterContext
from app.outreach.letters.locales import known_language
from app.outreach.letters.rendering import render, values_for

_SPOKEN = re.compile(r'^[^"“«„「:：]{1,14}[:：]\s*["“«„「](?P<said>.+?)["”»」]\s*$', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph of a script."""

    text: str
    spoken: bool
    """To be said, word by word; otherwise it tells the caller what to do."""


@dataclass(frozen=True, slots=True)
class CallScript:
    language: str
    anybody: Sequence[Line]
    """Sentences before the identity check; none mentions a debt."""
    cardholder: Sequence[Line]
    """Disclosure and figures, for the cardholder alone."""
    voicemail: Sequence[Line]
    """What may be left on voicemail, and nothing else: it tells nobody of a debt; empty = no message is left."""


def call_script(letter: Letter, language: str, context: LetterContext, voicemail_name: str) -> CallScript:
    """The script of a letter, with the business name that may be left on voicemail. BadLetter if it has none."""
    language = known_language(language, letter.languages)
    words = render(letter, Channel.CALL, language, context)
    path = block_path(language, "identify", BODY_FORMS[Channel.CALL])
    values = values_for(letter, Channel.CALL, context)
    identify = letter.environment.get_template(path).render(values).strip()
    first, found, rest = words.text.partition(identify)
    if not found:  # a script that does not begin by asking for the cardholder is for the cardholder alone
        first, rest = "", words.text
    message = ""
    if voicemail_name and context.contact_phone:
        template = letter.environment.get_template(
            block_path(language, "voicemail", BODY_FORMS[Channel.CALL])
        )
        message = template.render(values, voicemail_name=voicemail_name, contact_phone=context.contact_phone)
    return CallScript(language, _lines(f"{first}{found}"), _lines(rest), _lines(message))


def _lines(text: str) -> list[Line]:
    lines = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph:
            spoken = _SPOKEN.match(paragraph)
            lines.append(Line(spoken["said"].strip() if spoken else paragraph, spoken is not None))
    return lines


def script_for(days: int, *, broken: bool) -> str:
    """The letter whose script fits: about a broken agreement, or by how long something is past due."""
    if broken:
        return "plan_broken"
    return "first_reminder" if days < 30 else "second_reminder" if days < 60 else "final_notice"
