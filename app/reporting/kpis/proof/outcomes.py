"""Outcomes of programmes counted by hand: re-ages, cures, charge-offs and supervisory classes of one account. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from app.book.delinquency.days import CURRENT, DAY
from app.book.delinquency.facts import MovementKind
from app.book.ledger.rules import AccountStatus
from app.core.dates import month_start
from app.reporting.kpis.definitions.outcomes.rules import (
    CHARGE_OFF_WINDOW,
    CURE_FAILED_DAYS,
    HORIZONS,
    LOST,
    RE_AGE_COHORT,
    RE_DEFAULT_DAYS,
    ROLL_FORWARD_PREFIX,
)
from app.reporting.kpis.definitions.outcomes.schemes import schemes
from app.reporting.kpis.proof.life import Counted, Key, Life
from app.reporting.kpis.rules import Dimension


def count_outcomes(life: Life, on: date) -> Iterator[Counted]:
    """What the account adds to the figures of re-ages, cures and charge-offs."""
    bucket = life.bucket(on)
    for within, words in HORIZONS.items():
        months = f"{words.split()[0]}m"
        last_on = on - timedelta(days=within)
        for made_on in life.re_aged_on:
            if last_on - timedelta(days=RE_AGE_COHORT) < made_on <= last_on:
                yield (
                    f"re_default_rate_{months}",
                    bucket,
                    int(failed(life, made_on, within, RE_DEFAULT_DAYS)),
                    1,
                )
        if _was_cured(life, last_on):
            yield (
                f"cure_persistence_{months}",
                bucket,
                int(not failed(life, last_on, within, CURE_FAILED_DAYS)),
                1,
            )
    if life.status is AccountStatus.CHARGED_OFF and life.ended_on is not None and life.ended_on <= on:
        first_on = on - timedelta(days=CHARGE_OFF_WINDOW - 1)
        off = sum(amount for day, amount in life.charged_off if max(first_on, life.ended_on) <= day <= on)
        back = sum(amount for day, amount in life.money_in if max(first_on, life.ended_on + DAY) <= day <= on)
        yield "charge_off_recovered_rate", bucket, back, off
        yield "net_charge_off_rate", bucket, off - back, off


def count_classes(life: Life, on: date) -> Iterator[tuple[Key, int, int]]:
    """What the account adds to the supervisory classes, by its class in each scheme and by its bucket."""
    stands = life.stands(on)
    if stands is None or not life.is_counted(on):
        return
    days, owed = (on - stands.counted_from).days, max(0, life.balance)
    members = {each: scheme.class_of(days) for each, scheme in schemes().items()}
    for dimension, member in {**members, Dimension.BUCKET: stands.bucket}.items():
        yield ("supervisory_class_accounts", dimension, member), 1, 1
        yield ("supervisory_class_balance", dimension, member), owed, owed


def failed(life: Life, since: date, within: int, days: int) -> bool:
    """It was so many days past due, or lost, on one of the `within` days after `since`."""
    if (
        life.status in LOST
        and life.ended_on is not None
        and since < life.ended_on <= since + timedelta(within)
    ):
        return True
    for n in range(1, within + 1):
        on = since + timedelta(days=n)
        stands = life.stands(on)
        if stands is not None and (on - stands.counted_from).days >= days:
            return True
    return False


def _was_cured(life: Life, on: date) -> bool:
    """It became current on that day, other than by a re-age or by its end."""
    if life.stands(on) is not None or life.stands(on - DAY) is None:
        return False
    return on not in life.re_aged_on and life.ended_on != on


def count_roll_forward(life: Life, on: date) -> Iterator[tuple[Key, int, int]]:
    """What the account adds to the lines of the roll-forward of its bucket at the month end, and of its bucket now."""
    then_on = month_start(on) - DAY
    then, now, left = life.bucket(then_on), life.bucket(on), life.past_due(on)
    moved = dict.fromkeys(MovementKind, 0)
    for day, kind, amount in life.folded.movements:
        if then_on < day <= on:
            moved[kind] += amount
    is_lost = life.status in LOST and life.ended_on is not None and life.ended_on <= on
    paid = "cured" if now == CURRENT and not is_lost else "paid"
    lines = {
        "opening": life.past_due(then_on),
        "fell": moved[MovementKind.FELL_PAST_DUE],
        paid: moved[MovementKind.PAID],
        "adjusted": moved[MovementKind.ADJUSTED],
        "moved_out" if now != then else "closing": left,
    }
    for line, amount in lines.items():
        yield (f"{ROLL_FORWARD_PREFIX}{line}", Dimension.BUCKET, then), amount, amount
    if now not in (then, CURRENT):
        for line in ("moved_in", "closing"):
            yield (f"{ROLL_FORWARD_PREFIX}{line}", Dimension.BUCKET, now), left, left
