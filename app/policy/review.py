"""The review: may this contact be made now, and if not, every reason why. Pure and total.

`review` never stops at the first objection: a person who asks "why not?" gets all of it, each reason with
the rule's id, its citation and the figures it used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.core.labels import country_name
from app.core.types import Values
from app.core.vocabulary import HOLD_TRAITS, Channel, HoldKind, Purpose
from app.policy.answers import Answer, Clearance, Reason, Refusals, WaitUntil
from app.policy.calendars import zone_named
from app.policy.facts import Contact, Facts
from app.policy.pack import Pack
from app.policy.rules import HORIZON, LONGEST_CLEARANCE, Question
from app.policy.sections.agreements import WRITTEN_AGREEMENTS, AgreementRules

MAX_ROUNDS = 50


def review(contact: Contact, facts: Facts, pack: Pack, now: datetime) -> Answer:
    """May this contact be made at `now` (aware)? If it only has to wait, until the first instant it may.

    Objections that lapse by themselves give WaitUntil; one that does not, or a wait beyond HORIZON, gives
    Refusals. ValueError only for a naive `now`, which would silently mean the server's own time zone.
    """
    if now.tzinfo is None:
        raise ValueError("review() needs an aware instant.")
    now = now.astimezone(UTC)
    asked = ask(contact, facts, now)
    reasons = objections(asked, pack)
    if not reasons:
        return Clearance(contact, now, _closing(asked, pack), pack.label)

    standing = reasons
    for _ in range(MAX_ROUNDS):
        lapses = [reason.until for reason in standing if reason.until is not None]
        if len(lapses) < len(standing) or max(lapses) > now + HORIZON:
            break
        at = max(lapses)
        standing = objections(ask(contact, facts, at), pack)
        if not standing:
            return WaitUntil(at, reasons, pack.label)
    # An objection that comes later and never lapses (a hold that starts tomorrow) belongs to the answer too.
    later = tuple(reason for reason in standing if reason.until is None and reason not in reasons)
    return Refusals(reasons + later, pack.label)


def review_within(contact: Contact, facts: Facts, pack: Pack, now: datetime, until: datetime) -> Answer:
    """Like `review`, for a contact that may leave any time from `now` to `until`: a wait that ends in time
    becomes a Clearance whose window opens later, and a refusal names the objections that stand even then."""
    answer = review(contact, facts, pack, now)
    if isinstance(answer, WaitUntil) and answer.at < until:
        return review(contact, facts, pack, answer.at)
    if isinstance(answer, Refusals):
        in_time = [
            reason.until for reason in answer.reasons if reason.until is not None and reason.until < until
        ]
        if in_time:
            later = review(contact, facts, pack, max(in_time))
            return later if isinstance(later, Refusals) else answer
    return answer


def suit_objections(facts: Facts, pack: Pack, now: datetime) -> tuple[Reason, ...]:
    """Reason why the debt may not be handed to a court at `now` (aware): notices still running, or a debt too old."""
    asked = ask(Contact(Channel.POST, Purpose.NOTICE, ""), facts, now.astimezone(UTC))
    in_force = [rule for rule in pack.rules if rule.in_force(asked)]
    found = tuple(reason for rule in in_force for reason in rule.suit_objections(asked))
    return (_no_pack(pack), *found) if pack.uncovered else found


def ask(contact: Contact, facts: Facts, at: datetime) -> Question:
    """The question as rules take it; `at` in UTC."""
    return Question(contact, facts, at, _local_days(facts.timezones, at))


@lru_cache(maxsize=10_000)
def _local_days(timezones: tuple[str, ...], at: datetime) -> tuple[tuple[ZoneInfo, date], ...]:
    zones = [zone_named(name) for name in timezones]
    return tuple([(zone, at.astimezone(zone).date()) for zone in zones if zone is not None])


def objections(asked: Question, pack: Pack) -> tuple[Reason, ...]:
    """Every reason against the contact, the desk's own first, then in the pack's order."""
    found: list[Reason] = []
    if (
        not asked.contact.address
        or asked.contact.flaw
        or not 0 < len(asked.facts.timezones) == len(asked.local_days)
        or asked.contact.channel in asked.facts.suppressed_since
    ):
        found.extend(_desk_objections(asked))
    if pack.uncovered:
        found.append(_no_pack(pack))
    if asked.facts.with_legal_since is not None:
        found.extend(_with_legal(asked, pack))
    if asked.contact.purpose is Purpose.REPRESENTATIVE:
        found.extend(_to_representative(asked))
    for rule in pack.rules_for(asked):
        if reasons := rule.objections(asked):
            found.extend(reasons)
    if pack.agreements is not None and asked.contact.letter in WRITTEN_AGREEMENTS:
        found.extend(_lacking_contents(asked, pack.agreements))
    return tuple(found)


def _desk_objections(asked: Question) -> Iterator[Reason]:
    """The objections that no pack can lift: nowhere to send, or no clock to judge hours and days by."""
    channel = asked.contact.channel
    if not asked.contact.address:
        yield _desk_reason("desk.no_address", f"no address on file for {channel}")
    if asked.contact.flaw:
        yield _desk_reason("desk.words", asked.contact.flaw)
    if since := asked.facts.suppressed_since.get(channel):
        detail = f"the address for {channel} is on the suppression list since {since:%Y-%m-%d}"
        yield _desk_reason("desk.suppressed", detail, {"since": since.isoformat()})
    if not asked.facts.timezones:
        yield _desk_reason("desk.timezone_unknown", "the customer's time zone is not known")
    elif len(asked.local_days) < len(asked.facts.timezones):
        unknown = [name for name in asked.facts.timezones if zone_named(name) is None]
        detail = f"not an IANA time zone: {', '.join(map(repr, unknown))}"
        yield _desk_reason("desk.timezone_unknown", detail, {"timezones": unknown})


def _no_pack(pack: Pack) -> Reason:
    """Nobody has said which law holds where the customer lives."""
    detail = f"no pack covers {country_name(pack.uncovered)}; nothing is sent there until a manager adopts one by name"
    return _desk_reason("desk.no_pack", detail, {"country": pack.uncovered})


def _with_legal(asked: Question, pack: Pack) -> Iterator[Reason]:
    """No reminder goes out once the legal team speaks for the desk, unless the pack allows reminders."""
    since = asked.facts.with_legal_since
    if since is None or asked.at < since or asked.contact.purpose is not Purpose.REMINDER:
        return
    if pack.after_referral is not None and pack.after_referral.reminders:
        return
    detail = f"the case is with the legal team since {since:%Y-%m-%d}; no reminder goes out"
    yield _desk_reason("desk.with_legal", detail, {"since": since.isoformat()})


ESTATE = "estate"
"""`Facts.representative` of a letter to the estate of a customer who died, of which nobody is known to be in charge."""
HEARS: Mapping[HoldKind, frozenset[str]] = {
    HoldKind.DECEASED: frozenset({"executor", ESTATE}),
    HoldKind.ATTORNEY: frozenset({"attorney"}),
    HoldKind.BANKRUPTCY: frozenset({"trustee"}),
}
"""Who alone is contacted while such a hold stands (12 CFR 1006.2(e), 1006.6(a)(4), 1006.6(b)(2))."""
NOT_ASKED_FOR = frozenset({HoldKind.DISPUTE, HoldKind.BREATHING_SPACE})
"""Holds during which nobody is asked for the debt."""


def _to_representative(asked: Question) -> Iterator[Reason]:
    """A contact of this purpose goes to a representative whose authority stands, and never to the customer: the rules
    about the customer's wishes and caps do not look at it."""
    facts = asked.facts
    if not facts.representative:
        detail = "a message of this purpose goes to an authorised representative only"
        yield _desk_reason("desk.representative", detail)
    for hold in facts.holds:
        ended = hold.until is not None and hold.until <= asked.at
        stops = HOLD_TRAITS[hold.kind].ends_mandate and facts.representative not in HEARS.get(hold.kind, ())
        # What is disputed is not asked for, of whoever stands in either; the enquiry to an estate asks for nothing.
        stops |= facts.stands_in and facts.representative != ESTATE and hold.kind in NOT_ASKED_FOR
        if stops and hold.started_at <= asked.at and not ended:
            detail = (
                f"hold {hold.kind.value}: the {facts.representative or 'representative'} is not written to"
            )
            figures = {"hold": hold.kind.value}
            yield Reason(
                "desk.representative_hold",
                "built into the desk",
                detail,
                "built-in",
                True,
                hold.until,
                figures,
            )
    if facts.with_legal_since is not None and asked.at >= facts.with_legal_since:
        detail = (
            f"the case is with the legal team since {facts.with_legal_since:%Y-%m-%d}, which writes itself"
        )
        yield _desk_reason("desk.with_legal", detail, {"since": facts.with_legal_since.isoformat()})


def _lacking_contents(asked: Question, rules: AgreementRules) -> Iterator[Reason]:
    """An agreement in writing has every part that the law names; an SMS only tells that there is one."""
    contact = asked.contact
    if contact.blocks is None or contact.channel not in (Channel.EMAIL, Channel.POST):
        return
    for law in rules.contents:
        if missing := [part.value for part in law.parts if part.block not in contact.blocks]:
            detail = f"the agreement lacks {', '.join(missing)}"
            yield Reason(law.id, law.citation, detail, law.force, law.verified, None, {"missing": missing})


def _desk_reason(rule: str, detail: str, figures: Values | None = None) -> Reason:
    return Reason(rule, "built into the desk", detail, "built-in", True, None, figures or {})


def _closing(asked: Question, pack: Pack) -> datetime:
    closing = asked.at + LONGEST_CLEARANCE
    for rule in pack.rules_for(asked):
        if rule.closes:
            closing = min(closing, rule.closes_at(asked))
    return closing
