"""Read the meaning of a customer's message from a list of phrases. Pure.

Two mistakes are not alike. A refusal that is overlooked means more messages to a person who asked for none; a message
taken for a refusal means a person reads it a little later. So clear words are obeyed. Any other words that might be a
refusal keep SMS back until a person has looked (12 CFR 1006.6(e); 47 CFR 64.1200(a)(10): any reasonable way counts).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.casework.correspondence.rules import InboundSource as InboundSource
from app.casework.correspondence.rules import Intent as Intent
from app.casework.correspondence.rules import ReviewOutcome
from app.casework.recognition.cues import complaint_cues
from app.core.vocabulary import Channel, HoldKind
from app.inbound.phrases.quotes import Heard, Reaction, hear
from app.inbound.phrases.rules import IDEOGRAPH, Phrase, Phrasebook, normalise
from app.outreach.outbox.dispatch import Misconfigured, TryLater

REFUSES: Mapping[Intent, Channel] = {
    Intent.STOP: Channel.SMS,
    Intent.CEASE: Channel.SMS,
    Intent.STOP_CALLS: Channel.CALL,
    Intent.STOP_EMAIL: Channel.EMAIL,
}
"""The channel that ends at once."""

HOLDS: Mapping[Intent, HoldKind] = {
    Intent.CEASE: HoldKind.CEASE_CONTACT,
    Intent.DECEASED: HoldKind.DECEASED,
    Intent.ATTORNEY: HoldKind.ATTORNEY,
    Intent.BANKRUPTCY: HoldKind.BANKRUPTCY,
    Intent.DISPUTE: HoldKind.DISPUTE,
    Intent.MAYBE_DISPUTE: HoldKind.MANUAL,
}
"""The holds that stand until a person has looked, the strictest first."""

PAGE_HOLDS: Mapping[Intent, HoldKind] = {
    **HOLDS,
    Intent.PAID: HoldKind.PAYMENT_CLAIMED,
    Intent.HARDSHIP: HoldKind.MANUAL,
}
"""The holds of requests on the customer's page. There the customer chose "I have already paid" or "I cannot pay at the
moment", and was told that no reminders are sent in the coming days."""

GUESSES: Mapping[str, Intent] = {
    "stop": Intent.MAYBE_STOP,
    "wrong_number": Intent.MAYBE_STOP,
    "dispute": Intent.MAYBE_DISPUTE,
    "hardship": Intent.HARDSHIP,
    "complaint": Intent.COMPLAINT,
    "support_need": Intent.SUPPORT_NEED,
    "promise": Intent.PROMISE,
    "question": Intent.QUESTION,
}
"""What the intent model adds to a reading: SMS or reminders rest until a person has looked, or a person is told.
Nothing that releases."""

NOT_BY_MACHINE = frozenset(
    {Intent.MAYBE_STOP, Intent.HELP, Intent.CALL_ME, Intent.PROMISE, Intent.QUESTION, Intent.COMPLAINT}
)
"""Meanings that the words of an automatic reply do not have: "Do Not Disturb" is the name of a button."""

SELF_EXPLAINING = frozenset({Intent.STOP, Intent.START, Intent.HELP, Intent.REACTION, Intent.AUTO_REPLY})
"""A message that is one of these keywords and nothing else may need no person."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An SMS as the provider hands it over. `opt_out_type` is Twilio's own reading of it, if it has one."""

    provider_ref: str
    sender: str
    recipient: str
    body: str
    media: int = 0
    opt_out_type: str = ""
    at: datetime | None = None
    """Time at which the provider got it; None = just now."""


class Inbox(Protocol):
    """A provider that keeps a list of the messages to our numbers: since then, the oldest first."""

    def arrived(self, *, since: datetime) -> Sequence[Arrived] | TryLater | Misconfigured: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """The meaning of a message. `matched` are the phrases that say so; `keyword` = it is one of them and nothing
    else."""

    intents: tuple[Intent, ...] = ()
    matched: tuple[str, ...] = ()
    keyword: bool = False

    @property
    def refused(self) -> list[Channel]:
        """Channels that end at once."""
        named = {REFUSES[intent] for intent in self.intents if intent in REFUSES}
        return [channel for channel in Channel if channel in named]

    @property
    def holds(self) -> list[HoldKind]:
        """Each that it asks for: a dispute still stands once contact is agreed to again."""
        return [kind for intent, kind in HOLDS.items() if intent in self.intents]

    @property
    def hold(self) -> HoldKind | None:
        return next(iter(self.holds), None)

    @property
    def needs_nobody(self) -> bool:
        return self.keyword and SELF_EXPLAINING.issuperset(self.intents)


PROVIDER_WORDS = {"STOP": Intent.STOP, "START": Intent.START, "HELP": Intent.HELP}
"""Twilio's `OptOutType`: it has recognised a keyword by its own list, and answered it."""


def read(
    text: str,
    book: Phrasebook,
    *,
    provider_said: str = "",
    languages: Collection[str] | None = None,
    ours: Collection[str] | None = None,
    names: Collection[str] = (),
) -> Reading:
    """The meanings of a message, in any case, width, accents and punctuation.

    `languages` are those of the sender and of where they live (`languages_of`): a word of another language says at most
    that a person should look. None = the sender is unknown, so that every language counts. `ours` is what we wrote to
    them lately: quoted, it is not theirs. None = not known either; then a reaction is believed to be to us. `names` are
    those of the customers who have the number: a sender who says that they are another person may name them.
    """
    book = book.naming(names)
    heard = hear(text, book.frames, ours or ())
    found, keyword = _meanings(heard.said, book, languages)
    if provider_said in PROVIDER_WORDS:
        keyword = True
        found[PROVIDER_WORDS[provider_said]] = provider_said.lower()
    sign = next((sign for sign in book.signs if sign in heard.said), None)
    if sign is not None:
        found.setdefault(Intent.MAYBE_STOP, sign)
    if heard.reaction is not None:
        keyword |= _reacted(heard, found, book, languages, is_known=ours is not None)
    elif Intent.AUTO_REPLY in found:
        keyword |= found.keys() <= {Intent.AUTO_REPLY, *NOT_BY_MACHINE}
        found = {intent: words for intent, words in found.items() if intent not in NOT_BY_MACHINE}
    elif not keyword:
        _guessed(heard.said, found, book, languages)
    return _weighed(found, normalise(heard.said), book, keyword=keyword)


def _meanings(
    text: str, book: Phrasebook, languages: Collection[str] | None
) -> tuple[dict[Intent, str], bool]:
    """Meanings of the phrases found, each with its first phrase, and whether one phrase is the whole message."""
    spoken = normalise(text)
    alone = {spoken, _without(spoken, book.courtesies)}
    alone |= {_said_once(words) for words in alone}
    found: dict[Intent, str] = {}
    keyword = False
    for phrase in book.phrases:
        is_whole = phrase.only and phrase.words in alone
        if not is_whole and (phrase.only or not _says(spoken, phrase.words)):
            continue
        if not _is_theirs(phrase, languages):
            if phrase.means in REFUSES and (is_whole or phrase.words.count(" ") >= 2):
                found.setdefault(Intent.MAYBE_STOP, phrase.words)
            continue
        keyword |= is_whole
        found.setdefault(phrase.means, phrase.words)
    return found, keyword


def _guessed(
    text: str, found: dict[Intent, str], book: Phrasebook, languages: Collection[str] | None
) -> None:
    """Add the cues of a complaint, and where no phrase says anything, the guess of the intent model."""
    guess = book.model.guess(text) if book.model and not found else None
    if guess is not None and guess.label in GUESSES:
        found[GUESSES[guess.label]] = f"reads like {guess.label.replace('_', ' ')}, {guess.chance:.0%}"
    if cues := complaint_cues(text, languages):
        found.setdefault(Intent.COMPLAINT, cues[0])


def _is_theirs(phrase: Phrase, languages: Collection[str] | None) -> bool:
    """English is read from every customer, because our messages name STOP to all; ideographs are no other word."""
    return languages is None or phrase.language in ("en", *languages) or bool(IDEOGRAPH.search(phrase.words))


def _said_once(words: str) -> str:
    """`stop stop stop` is `stop`."""
    each = words.split()
    return each[0] if len(set(each)) == 1 else words


LONGEST_OWN_WORDS = 60
"""Characters of a quote that may be something the customer wrote to us before; a longer quote is ours."""


def _reacted(
    heard: Heard,
    found: dict[Intent, str],
    book: Phrasebook,
    languages: Collection[str] | None,
    *,
    is_known: bool,
) -> bool:
    """Add the reaction to the meanings found. True if no person has to look: it is a friendly one, to a message of
    ours. A reaction to a few words that we did not write may stress the customer's own "STOP"."""
    assert heard.reaction is not None
    found[Intent.REACTION] = heard.reaction.value
    if heard.to_us or not is_known or len(heard.quoted) > LONGEST_OWN_WORDS:
        return heard.reaction in (Reaction.FOND, Reaction.GONE)
    quoted, _ = _meanings(heard.quoted, book, languages)
    if quoted.keys() & {*REFUSES, Intent.MAYBE_STOP}:
        found.setdefault(Intent.MAYBE_STOP, heard.quoted[:80])
    return False


_LANGUAGES_OF_PLACES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("US", "PR", "ES", "MX", "AR", "CL", "CO", "PE", "EC", "GT", "DO", "CU"), frozenset({"es"})),
    **dict.fromkeys(("NL", "BE", "SR", "AW", "CW"), frozenset({"nl"})),
    **dict.fromkeys(("NO", "DK", "SE"), frozenset({"nb"})),
    "ID": frozenset({"id"}),
    **dict.fromkeys(("SG", "MY", "BN"), frozenset({"id", "zh"})),
    **dict.fromkeys(("CN", "TW", "HK", "MO"), frozenset({"zh"})),
}  # fmt: skip
_SAME = {"no": "nb", "nn": "nb", "da": "nb", "sv": "nb", "ms": "id"}


def languages_of(language: str, country: str) -> frozenset[str]:
    """Languages that a customer with `language` ('zh-TW') and `country` (ISO 3166) may write in, beside English."""
    base = language.lower().replace("_", "-").partition("-")[0]
    return _LANGUAGES_OF_PLACES.get(country, frozenset()) | {_SAME.get(base, base)}


def _weighed(found: dict[Intent, str], spoken: str, book: Phrasebook, *, keyword: bool) -> Reading:
    """A clear refusal of SMS, or a keyword that stands alone, makes a possible one needless; a reversal makes a
    clear one unclear."""
    turned = next((words for words in book.reversals if _says(spoken, words)), None)
    if turned is not None:
        for intent in REFUSES:
            if found.pop(intent, None) is not None:
                found[Intent.MAYBE_STOP] = turned
    if found.keys() & {Intent.STOP, Intent.CEASE, Intent.START, Intent.STOP_CALLS, Intent.STOP_EMAIL}:
        found.pop(Intent.MAYBE_STOP, None)
    if found.keys() & {Intent.STOP_CALLS, Intent.CEASE}:  # "don't call me"
        found.pop(Intent.CALL_ME, None)
    order = [intent for intent in Intent if intent in found]
    return Reading(tuple(order), tuple(found[intent] for intent in order), keyword)


def _says(spoken: str, words: str) -> bool:
    """True if the words occur, as whole words where there are spaces between words."""
    if IDEOGRAPH.search(words):
        return words in spoken
    return f" {words} " in f" {spoken} "


def _without(spoken: str, courtesies: Iterable[str]) -> str:
    for courtesy in courtesies:
        if IDEOGRAPH.search(courtesy):
            spoken = spoken.replace(courtesy, "")
    return " ".join(word for word in spoken.split() if word not in courtesies)


# --- for a person -------------------------------------------------------------------------------------------

SUGGESTIONS: Mapping[Intent, str] = {
    Intent.STOP: "They want no more SMS; that is obeyed already.",
    Intent.STOP_CALLS: "They want no more calls; that is obeyed already.",
    Intent.STOP_EMAIL: "They want no more e-mail; that is obeyed already.",
    Intent.CEASE: "They want no contact at all. SMS has ended and everything else rests until you have looked.",
    Intent.MAYBE_STOP: "This may mean: no more SMS. SMS rests until you have decided.",
    Intent.START: "They want SMS again.",
    Intent.HELP: "They ask for help: say how to reach you.",
    Intent.WRONG_NUMBER: "This may not be our customer. The number or address rests until you have looked.",
    Intent.DISPUTE: "They dispute the debt. Record what they say; reminders rest until you have looked.",
    Intent.ATTORNEY: "An attorney may represent them. Ask for the name; contact rests until you have looked.",
    Intent.BANKRUPTCY: "They speak of bankruptcy. Ask for the case; contact rests until you have looked.",
    Intent.DECEASED: "The customer may have died. Contact rests until you have looked.",
    Intent.HARDSHIP: "They cannot pay now. Offer a plan or hardship help.",
    Intent.CALL_ME: "They want to be called. Where that is permitted, the call is on the worklist already.",
    Intent.PAID: "They say that they have paid. Look for the payment, also among the unmatched ones.",
    Intent.REACTION: "They pressed a reaction on a message. Look at which one, and ask them if it is not plain.",
    Intent.COMPLAINT: "They may be dissatisfied. Say whether this is a complaint.",
    Intent.SUPPORT_NEED: "They may need us to do something in another way. Ask what helps, and put it on record.",
    Intent.PROMISE: "They say when they will pay. Record a promise to pay.",
    Intent.QUESTION: "They ask something. Answer it.",
    Intent.MAYBE_DISPUTE: "This may be a dispute. Reminders rest until you have looked.",
    Intent.AUTO_REPLY: "Their telephone or mailbox has answered by itself.",
}


def suggestions(intents: Sequence[Intent]) -> list[str]:
    """The advice for the person who decides."""
    return [SUGGESTIONS[intent] for intent in intents] or ["Read it and answer."]


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision a person may take about a message, and the words on its button."""

    outcome: ReviewOutcome
    label: str
    primary: bool = field(default=False)


def choices(intents: Sequence[Intent], *, kept_back: bool, known: bool) -> list[Choice]:
    """Decisions that fit; `kept_back` = a channel or hold rests on the message, `known` = its customer is known."""
    if not known:
        return [Choice(ReviewOutcome.DONE, "Nothing to do", True)]
    unclear = Intent.MAYBE_STOP in intents
    no_more, lift = "Opt out of SMS", Choice(ReviewOutcome.LIFTED, "Remove the block")
    stop = Choice(ReviewOutcome.STOPPED, no_more)
    if not kept_back:
        return [Choice(ReviewOutcome.DONE, "Dealt with", True), stop]
    if unclear and set(intents).isdisjoint((Intent.WRONG_NUMBER, *HOLDS)):
        return [Choice(ReviewOutcome.STOPPED, no_more, True), lift]
    stands = Choice(ReviewOutcome.STANDS, "Confirm and keep the block", True)
    return [stands, stop, lift] if unclear else [stands, lift]
