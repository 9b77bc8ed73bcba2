"""Protection that every version of the result codes keeps: conversations count, and the shipped stops stay. Pure.

Caps and gaps of the law count right-party contact, so a code with words of the cardholder counts as a conversation. A
shipped code counts at least as much as shipped, and keeps its hold, its `number_bad` and its opt-out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.casework.results.effects import (
    AskManager,
    Callback,
    ConductEnded,
    NumberBad,
    OptOut,
    PaymentClaimed,
    PlaceHold,
    Promise,
    Retry,
)
from app.casework.results.rules import NO_CALLS, CallField, ContactWay, Counts, ResultCode, ResultSet
from app.core.text import counted
from app.core.vocabulary import HOLD_TRAITS

FIELDS_OF: Mapping[type, tuple[CallField, ...]] = {
    Promise: (CallField.AMOUNT, CallField.DUE_ON),
    Callback: (CallField.CALLBACK_AT,),
    PaymentClaimed: (CallField.PAID_ON, CallField.PAID_AMOUNT),
}
"""Fields that an effect reads; it happens where they are filled in."""
ALWAYS: Mapping[type, CallField] = {
    OptOut: CallField.CHANNEL,
    AskManager: CallField.REQUEST,
    ConductEnded: CallField.WORDS,
}
"""Fields without which an effect cannot be."""

TOLD_BY_CARDHOLDER = frozenset(
    {
        CallField.AMOUNT, CallField.DUE_ON, CallField.PAID_ON, CallField.PAID_AMOUNT, CallField.METHOD,
        CallField.TRANSACTIONS, CallField.DISPUTED_AMOUNT, CallField.SUPPORT_TYPE, CallField.CONSENT,
        CallField.CHANNEL, CallField.REQUEST,
    }
)  # fmt: skip
"""Fields that only the cardholder's own words can fill."""

Fault = tuple[int, str, str]
"""Number of the code in its file, field, and the sentence."""


def faults(found: ResultSet, shipped: ResultSet) -> Iterator[Fault]:
    """Everything wrong with a set that is spelt correctly; the number is -1 for a code that is missing."""
    seen: dict[str, str] = {}
    for n, code in enumerate(found.codes):
        for field, value in (("code", code.code), ("key", code.key), ("label", code.label.lower())):
            if value and seen.setdefault(f"{field} {value}", code.code) != code.code:
                yield n, field, f"{value!r} is used by {seen[f'{field} {value}']!r} already"
            elif value and field == "code" and [each.code for each in found.codes[:n]].count(value):
                yield n, field, f"{value!r} is there twice"
        yield from ((n, field, said) for field, said in _of_itself(code))
        before = shipped.named(code.code)
        if before is not None:
            yield from ((n, field, said) for field, said in _less_than(code, before))
    for needed in shipped.codes:
        # Codes of letters and visits alone came later; a version of before stays valid without them.
        is_needed = _protects(needed) and ContactWay.CALL in needed.ways
        if is_needed and found.named(needed.code) is None:
            yield -1, "code", f"the code {needed.code!r} protects customers and must stay"
    if not any(Retry in map(type, code.effects) for code in found.codes):
        yield -1, "effects", "at least one code must say that the call is to be tried again"


def _of_itself(code: ResultCode) -> Iterator[tuple[str, str]]:
    if missing := [each for each in code.requires if each not in code.asks]:
        yield "requires", f"{missing[0].value} is required and not asked for"
    kinds = [type(effect) for effect in code.effects]
    if len(set(kinds)) < len(kinds):
        yield "effects", "an effect is there twice"
    for kind, fields in FIELDS_OF.items():
        if kind in kinds and (missing := [each for each in fields if each not in code.asks]):
            yield "asks", f"{missing[0].value} is missing; an effect needs it"
        if kind not in kinds and kind is not PaymentClaimed and (given := set(fields) & set(code.asks)):
            yield "asks", f"{min(given).value} is asked for and no effect uses it"
    for kind, field in ALWAYS.items():
        if kind in kinds and field not in code.requires:
            yield "requires", f"{field.value} is missing; an effect needs it"
    if (CallField.AMOUNT in code.requires) is not (CallField.DUE_ON in code.requires):
        yield "requires", "a promise requires amount and due_on together"
    if CallField.SUPPORT_TYPE in code.asks and CallField.CONSENT not in code.requires:
        yield "requires", "consent is missing: a support need is recorded with the customer's consent only"
    if (said := _spoken(code)) and not code.conversation:
        yield "counts", f"must be conversation: {said} comes from the cardholder, which caps and gaps count"
    if code.conversation and code.keeps_task:
        yield "effects", "a conversation needs no retry: the call has been made"
    if (code.keeps_task or code.rests_number) and code.ways != {ContactWay.CALL}:
        yield "ways", 'must be ["call"]: the number rests, or the call is to be made again'
    if Callback in kinds and (code.rests_number or code.hold in NO_CALLS):
        yield "effects", "a callback is impossible: the number rests, or the hold stops calls"


def _spoken(code: ResultCode) -> str:
    """The effect or field of this code that only the cardholder can give rise to; '' = none."""
    for kind, said in (
        (Promise, "a promise"), (PaymentClaimed, "a claim of payment"), (OptOut, "an opt-out"),
        (AskManager, "a request"),
    ):  # fmt: skip
        if code.effect(kind) is not None:
            return said
    if told := [each.value for each in code.asks if each in TOLD_BY_CARDHOLDER]:
        return told[0]
    return (
        f"the reason for a {code.hold.value} hold"
        if code.hold and not HOLD_TRAITS[code.hold].by_others
        else ""
    )


def _less_than(code: ResultCode, shipped: ResultCode) -> Iterator[tuple[str, str]]:
    """The protection of a shipped code that this version of it lacks."""
    if code.counts.weight < shipped.counts.weight:
        yield (
            "counts",
            f"must be {shipped.counts.value}, as shipped, or more: caps and gaps of the law count it",
        )
    if _protects(shipped) and not shipped.directions <= code.directions:
        yield "direction", "must be both, as shipped: this may be heard in either direction"
    if _protects(shipped) and (lost := shipped.ways - code.ways):
        yield "ways", f"{min(lost).value} is missing: this may be told in any way as shipped"
    if shipped.hold is not None and code.hold is not shipped.hold:
        yield "effects", f"the {shipped.hold.value} hold must stay"
    if 0 < _days(code) < _days(shipped):
        yield "effects", f"the hold must stand at least {counted(_days(shipped), 'day')}, as shipped"
    if shipped.hold in NO_CALLS and (more := code.requires - shipped.requires):
        yield "requires", f"{min(more).value} must stay optional: nothing may keep an agent from this hold"
    for kind, said in (
        (OptOut, "opt_out"),
        (PaymentClaimed, "payment_claimed"),
        (ConductEnded, "conduct_ended"),
    ):
        if shipped.effect(kind) is not None and code.effect(kind) is None:
            yield "effects", f"{said} must stay"
    bad, was = code.effect(NumberBad), shipped.effect(NumberBad)
    if was is not None and (bad is None or (was.replace_links and not bad.replace_links)):
        links = ", with replace_links = true" if was.replace_links else ""
        yield "effects", f"number_bad must stay{links}: another person is reached at this number"


def _days(code: ResultCode) -> int:
    """Days of the hold that it places; 0 = it places none."""
    placed = code.effect(PlaceHold) or code.effect(PaymentClaimed)
    return placed.days if placed else 0


def _protects(code: ResultCode) -> bool:
    kept = (PlaceHold, NumberBad, OptOut, PaymentClaimed)
    return code.counts is Counts.CONVERSATION or any(isinstance(each, kept) for each in code.effects)
