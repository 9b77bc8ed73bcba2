"""Labels of customers' messages and preferences, shared by several pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from babel import Locale, UnknownLocaleError

from app.casework.correspondence.rules import Intent
from app.core.actor import Actor, ActorKind
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS, INTENT_LABELS, in_sentence
from app.core.timeline.presenting import Tone
from app.outreach.gate.models import ContactPreference
from app.outreach.gate.preferences import other_half
from app.policy.facts import PreferenceKind
from app.policy.packfile import shipped_packs

INTENT_TONES: Mapping[Intent, Tone] = {
    Intent.STOP: "warn",
    Intent.STOP_CALLS: "warn",
    Intent.STOP_EMAIL: "warn",
    Intent.CEASE: "bad",
    Intent.MAYBE_STOP: "warn",
    Intent.START: "info",
    Intent.HELP: "info",
    Intent.WRONG_NUMBER: "bad",
    Intent.DISPUTE: "bad",
    Intent.ATTORNEY: "bad",
    Intent.BANKRUPTCY: "bad",
    Intent.DECEASED: "bad",
    Intent.HARDSHIP: "info",
    Intent.CALL_ME: "info",
    Intent.REACTION: "neutral",
    Intent.PAID: "good",
    Intent.COMPLAINT: "warn",
    Intent.SUPPORT_NEED: "info",
    Intent.PROMISE: "good",
    Intent.QUESTION: "info",
    Intent.MAYBE_DISPUTE: "warn",
    Intent.AUTO_REPLY: "neutral",
}
MEANING_WORDS = {intent: (INTENT_LABELS[intent], tone) for intent, tone in INTENT_TONES.items()}
"""Labels and tones of the meanings of a message."""


RULE_KINDS: Mapping[str, str] = {
    "hours": "Permitted hours",
    "cap": "Contact limit",
    "gap": "Gap after a conversation",
    "consent": "Consent or opt-out",
    "hold": "Hold",
    "preference": "Customer's preference",
    "content": "Required content",
    "limitation": "Time-barred debt",
    "language": "Language",
    "wait": "Waiting period",
}
"""Kinds of rules of the policy packs, as a person says them."""
HOUSE = "house"
OWN_RULES = (HOUSE, "operator choice", "built-in")
"""Authorities that are no law or standard: the company's own choice, and the desk's own checks."""


def rule_words(rule: str) -> str:
    """A rule's id as a person reads it: `cn.hours_gbt` is "Permitted hours (CN: gbt)", `house.opt_out` "Consent or
    opt-out"."""
    place, _, name = rule.partition(".")
    kind = _kinds_of_rules().get(rule, "")
    title = RULE_KINDS.get(kind) or name.replace("_", " ").capitalize()
    detail = " ".join(word for word in name.split("_") if word != kind and word not in title.lower())
    where = "" if place in (HOUSE, "desk") else place.upper()
    more = ": ".join(part for part in (where, detail if kind in RULE_KINDS else "") if part)
    return f"{title} ({more})" if more else title


def source_words(force: str, citation: str, *, verified: bool) -> str:
    """The source of a reason, once: the citation of a law or standard, or that it is this company's own rule."""
    if force.startswith(OWN_RULES):
        return "Rule of this company"
    return citation if verified else f"{citation} (not checked against its source)"


def pack_words(label: str) -> str:
    """The rules that were asked, as a person reads them: `tw@2026.1` is "Taiwan 2026.1"."""
    packs = shipped_packs()
    said = []
    for part in label.split("+"):
        code, _, version = part.partition("@")
        said.append(f"{packs[code].name if code in packs else code} {version}".strip())
    return ", ".join(said)


@lru_cache
def _kinds_of_rules() -> Mapping[str, str]:
    return {rule.id: rule.kind for pack in shipped_packs().values() for rule in pack.rules}


def actor_words(stored: str, names: Mapping[str, str]) -> str:
    """An actor as colleagues know them: a person by name (`names` by user name), a program, the customer, or the desk
    itself."""
    actor = Actor(stored)
    if actor.kind is ActorKind.USER:
        return names.get(actor.name, actor.name)
    if actor.kind is ActorKind.TOKEN:
        return f"program {actor.name}"
    return "the customer" if actor.kind is ActorKind.CUSTOMER else "Arrears Desk"


@lru_cache(maxsize=1000)
def language_words(tag: str, locale: Locale) -> str:
    """A language by its name, as the reader calls it: `nl` is "Dutch"."""
    try:
        return str(Locale.parse(tag, sep="-").get_display_name(locale) or tag)
    except (UnknownLocaleError, ValueError):
        return tag


def strategy_words(ref: str) -> str:
    """A strategy's version as a person reads it: `standard@3` is "standard, version 3"."""
    code, _, version = ref.partition("@")
    if not version:
        return code
    return f"{code}, as shipped" if version.startswith("shipped") else f"{code}, version {version}"


def told_words(rows: Sequence[ContactPreference]) -> list[tuple[int, str]]:
    """(id, words) of a customer's preferences; both halves of a time over midnight are one line."""
    lines: list[tuple[int, str]] = []
    joined: set[int | None] = set()
    for row in rows:
        half = other_half(row, rows)
        if row.id in joined:
            continue
        if half is not None:
            joined.add(half.id)
            evening, morning = (row, half) if row.end_minute == MIDNIGHT else (half, row)
            lines.append((id_of(row), preference_words(evening, until_minute=morning.end_minute)))
        else:
            lines.append((id_of(row), preference_words(row)))
    return lines


def preference_words(told: ContactPreference, *, until_minute: int | None = None) -> str:
    """A customer's preference as the page shows it; `until_minute` where it goes on after midnight."""
    by = f" by {in_sentence(CHANNEL_LABELS[told.channel])}" if told.channel else ""
    until = f", until {told.until}" if told.until else ""
    match told.kind:
        case PreferenceKind.TIME:
            days = {"0,1,2,3,4": " Monday to Friday", "5,6": " on weekends"}.get(told.weekdays, "")
            end = told.end_minute if until_minute is None else until_minute
            span = f"{_minute(told.start_minute)} to {_minute(end)}"
            return f"not from {span}{days}{by}{until}"
        case PreferenceKind.TIMEZONE:
            return f"they live in {told.timezone}"
        case PreferenceKind.WORKPLACE:
            return f"not at work{by}{until}"
    return f"not at this number or address{by}{until}"


MIDNIGHT = 1440


def _minute(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


WORK_STATES = {
    "": "Work now",
    "callback": "Callbacks today",
    "reply": "Replies waiting",
    "missed": "Promises missed",
    "today": "Promises due today",
    "call": "Calls due",
    "task": "Other tasks",
    "all": "All open cases",
    "week": "Promise due within a week",
    "plan": "Promise or plan active",
    "broken": "Broken promise",
    "hold": "On hold",
    "review": "Hold to review",
    "claimed": "Claim of payment past its day",
    "legal": "With the legal team",
    "later": "Call later",
    "optout": "Opted out of calls",
    "paid": "Nothing past due",
    "rest": "No action planned",
}
"""Lists and sections of the worklist by their name in addresses."""
