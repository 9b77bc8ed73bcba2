"""The schedule of an agreement: its due dates and amounts. Pure.

Due dates that a cadence or a payday gives move forward to a working day; days that a person named stand. Interest runs
by the day as the ledger posts it (`app.book.charges.rules`): on the balance of the evening before, added to the balance
each day, and the fraction of a minor unit carried. An account that is paid on these dates owes nothing after the last.
Of several accounts with different rates each has its own share of every payment, and is paid off by the last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from app.casework.plans.rules import PERIODS_A_YEAR, Cadence, Instalment, period_on
from app.casework.plans.terms import AgreementTerms, Payday, Portion
from app.core.dates import add_months
from app.core.errors import Invalid
from app.core.text import counted
from app.policy.sections.charges import MILLION

MOST_PAYMENTS = 600
"""Payments that a schedule can have, whatever is permitted: weekly for more than eleven years."""

LEAST_OF_EACH = 4
"""Minor units of each instalment that a portion of the total has at least."""

LAST_YEAR = 2200
LONGEST_AGO = 366
"""Days before the first payment in which the payday lies that due dates are counted from."""

SATURDAY_SUNDAY = frozenset({5, 6})

_DAY = timedelta(days=1)


def schedule(
    terms: AgreementTerms, holidays: Collection[date], weekend: Collection[int] = SATURDAY_SUNDAY
) -> list[Instalment]:
    """Return the instalments of these terms; the down payment is n = 0.

    Without a rate they sum to `total_minor`, with one to that and the interest. All are alike but the last, which takes
    the rounding and is the smallest wherever the amount allows it. Invalid names the field of terms that give none.
    """
    _check_figures(terms)
    if terms.cadence is Cadence.CUSTOM:
        return _agreed_parts(terms)
    days = due_dates(terms, holidays, weekend)
    if terms.portions:
        return _of_portions(terms, days)
    return _on_days(terms, days)


def _on_days(terms: AgreementTerms, days: Sequence[date]) -> list[Instalment]:
    """The instalments of one rate, due on these days."""
    if terms.apr_millionths:
        return _amortising(terms, days)
    rest, less = terms.total_minor - terms.down_payment_minor, _reduced(terms)
    later = level_parts(rest - sum(less), terms.payments - len(less))
    _check_reduced(terms, later[0])
    down = [Instalment(0, terms.first_due_on, terms.down_payment_minor)] if terms.down_payment_minor else []
    return down + [
        Instalment(n, day, amount)
        for n, (day, amount) in enumerate(zip(days, [*less, *later], strict=True), start=1)
    ]


def _of_portions(terms: AgreementTerms, days: Sequence[date]) -> list[Instalment]:
    """The instalments of several rates: each portion has a schedule of its own, and they are added up."""
    shares = [portion.minor for portion in terms.portions]
    downs = shared(terms.down_payment_minor, shares)
    less = shared(terms.reduced.amount_minor, shares) if terms.reduced else [0] * len(shares)
    schedules = [
        _on_days(
            replace(
                terms,
                total_minor=portion.minor,
                apr_millionths=portion.apr_millionths,
                down_payment_minor=down,
                portions=(),
                reduced=replace(terms.reduced, amount_minor=part) if terms.reduced else None,
            ),
            days,
        )
        for portion, down, part in zip(terms.portions, downs, less, strict=True)
    ]
    return [
        replace(due[0], amount=sum(part.amount for part in due), interest=sum(part.interest for part in due))
        for due in zip(*schedules, strict=True)
    ]


def due_dates(
    terms: AgreementTerms, holidays: Collection[date], weekend: Collection[int] = SATURDAY_SUNDAY
) -> list[date]:
    """Return the due dates of the instalments, without that of the down payment; each is later than the one before."""
    if terms.cadence is Cadence.ONCE and terms.payday is None and not terms.down_payment_minor:
        return [terms.first_due_on]
    is_off = days_off(holidays, weekend)
    found: list[date] = []
    least = terms.first_due_on + _DAY if terms.down_payment_minor else terms.first_due_on
    for day in _on_paydays(terms, terms.payday, is_off, least) if terms.payday else _by_period(terms):
        # Holidays longer than a period move two dates onto one day.
        found.append(working_day(max(day, least), is_off))
        if len(found) == terms.payments:
            break
        least = found[-1] + _DAY
    return found


def level_parts(total: int, payments: int) -> list[int]:
    """Amounts that sum to `total`, alike but the last."""
    share = -(-total // payments)
    if share * (payments - 1) >= total:
        share = total // payments
    return [share] * (payments - 1) + [total - share * (payments - 1)]


def shared(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount divided in proportion to the weights; the last takes the rounding."""
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    parts[-1] += amount - sum(parts)
    return parts


def portions_of(terms: AgreementTerms, debts: Sequence[tuple[int, int]]) -> tuple[Portion, ...]:
    """Divide the total among debts (balance, own rate) in proportion to their balances; none bears more than the agreed
    rate. Debts of one rate are one portion, and one too small for a minor unit of each payment goes with the largest.
    Of the smallest rate first; () = there is nothing to divide."""
    by_rate: dict[int, int] = {}
    for balance, own in debts:
        rate = min(own, terms.apr_millionths or 0)
        if balance > 0:
            by_rate[rate] = by_rate.get(rate, 0) + balance
    if not by_rate:
        return ()
    rates = sorted(by_rate)
    minors = shared(terms.total_minor, [by_rate[rate] for rate in rates])
    largest = max(range(len(minors)), key=minors.__getitem__)
    paid = [terms.down_payment_minor, terms.reduced.amount_minor if terms.reduced else 0]
    for n, minor in enumerate(minors):
        least = min((amount * minor // terms.total_minor for amount in paid if amount), default=1)
        if n != largest and (least < 1 or minor < LEAST_OF_EACH * terms.payments):
            minors[largest], minors[n] = minors[largest] + minor, 0
    return tuple(Portion(minor, rate) for minor, rate in zip(minors, rates, strict=True) if minor)


def days_off(holidays: Collection[date], weekend: Collection[int]) -> Callable[[date], bool]:
    return lambda day: day.weekday() in weekend or day in holidays


def working_day(day: date, is_off: Callable[[date], bool]) -> date:
    """The day itself, or the next one on which banks work."""
    while is_off(day):
        day += _DAY
    return day


def interest_between(
    balance: int, first_on: date, through: date, apr_millionths: int, day_count: int, carry: int
) -> tuple[int, int]:
    """Interest of the days after `first_on` up to `through` on a balance, and the fraction carried on: day by day as
    `interest_of_day` has it."""
    with_interest, rate, parts = balance, apr_millionths, day_count * MILLION
    for _ in range((through - first_on).days):
        of_day, carry = divmod(carry + with_interest * rate, parts)
        with_interest += of_day
    return with_interest - balance, carry


def grows(parts: Sequence[Instalment]) -> Instalment | None:
    """The first instalment that pays no more than its interest, so that the debt does not fall (negative
    amortisation)."""
    return next((part for part in parts if part.interest >= part.amount), None)


def grows_at(
    parts: Sequence[Instalment], owed_by_rate: Mapping[int, int], day_count: int, begins: date
) -> Instalment | None:
    """`grows` of a schedule without its interest, where the interest of its accounts runs beside it from `begins`.

    `owed_by_rate`: minor units by yearly rate in millionths. Nobody knows which account a payment will go to: it is
    taken to pay the cheapest first, and a schedule for less than everything to be about the dearest. So whichever is
    paid, the debt falls.
    """
    debts, rest = dict[int, int](), sum(part.amount for part in parts)
    for rate in sorted(owed_by_rate, reverse=True):
        debts[rate] = min(rest, max(0, owed_by_rate[rate]))
        rest -= debts[rate]
    since = begins
    for part in sorted(parts, key=lambda part: (part.due_on, part.n)):
        interest = {
            rate: owed * rate * (part.due_on - since).days // (MILLION * day_count)
            for rate, owed in debts.items()
        }
        if sum(interest.values()) >= part.amount:
            return part
        left, since = part.amount, part.due_on
        for rate in sorted(debts):
            paid = min(left, debts[rate] + interest[rate])
            debts[rate] += interest[rate] - paid
            left -= paid
    return None


def longest_months(parts: Sequence[Instalment]) -> int:
    """Months, begun ones counted, from the first payment to the last."""
    first, last = parts[0].due_on, parts[-1].due_on
    months = (last.year - first.year) * 12 + last.month - first.month
    return months + (add_months(first, months) < last)


# --- amounts ----------------------------------------------------------------------------------------------


def _amortising(terms: AgreementTerms, days: Sequence[date]) -> list[Instalment]:
    """Level instalments with their interest; the last takes the rounding, and all interest that is left."""
    begin = terms.interest_from or terms.first_due_on
    if begin > terms.first_due_on:
        raise Invalid("The first payment lies before the day from which interest runs.", "due_on")
    daily, less = 1 + (terms.apr_millionths or 0) / (MILLION * terms.day_count), _reduced(terms)
    given = terms.down_payment_minor / daily ** (terms.first_due_on - begin).days
    worth = [daily ** -(day - begin).days for day in days]
    given += sum(amount * each for amount, each in zip(less, worth, strict=False))
    level = (terms.total_minor - given) / sum(worth[len(less) :])
    _check_reduced(terms, int(level) + 1)
    for amount in (int(level) + 1, int(level)):
        if parts := _paid_off(terms, days, begin, [*less, *[amount] * (len(days) - len(less))]):
            return parts
    raise _too_little(terms)


def _paid_off(
    terms: AgreementTerms, days: Sequence[date], begin: date, amounts: Sequence[int]
) -> list[Instalment]:
    """The instalments of these amounts, the last as it comes out; empty where they pay the debt off before it.
    Interest is paid first."""
    parts: list[Instalment] = []
    debt, interest, carry, before = terms.total_minor, 0, 0, begin
    due = [(n, day, amount) for n, (day, amount) in enumerate(zip(days, amounts, strict=True), start=1)]
    if terms.down_payment_minor:
        due.insert(0, (0, terms.first_due_on, terms.down_payment_minor))
    for n, day, wanted in due:
        of_period, carry = interest_between(
            debt + interest, before, day, terms.apr_millionths or 0, terms.day_count, carry
        )
        interest += of_period
        amount = wanted
        if n == len(days):
            amount = debt + interest
        elif not 0 < amount < debt + interest:
            return []
        parts.append(Instalment(n, day, amount, min(amount, interest)))
        debt -= max(0, amount - interest)
        interest = max(0, interest - amount)
        before = day
    return parts


def _reduced(terms: AgreementTerms) -> list[int]:
    """The amounts of the reduced instalments."""
    return [terms.reduced.amount_minor] * terms.reduced.payments if terms.reduced else []


def _check_reduced(terms: AgreementTerms, level: int) -> None:
    if terms.reduced and terms.reduced.amount_minor >= level:
        raise Invalid(
            "The reduced payments are no smaller than the others. Offer an ordinary plan.", "reduced_amount"
        )


def _agreed_parts(terms: AgreementTerms) -> list[Instalment]:
    """The parts as they were agreed, numbered from 1 in order of date."""
    if terms.apr_millionths:
        raise Invalid(
            "Dates and amounts of one's own bear no interest. Choose a rate of 0, or regular payments.", "apr"
        )
    if terms.down_payment_minor:
        raise Invalid("Among dates of one's own the first payment is the down payment.", "down_payment")
    parts = sorted(terms.parts, key=lambda part: part.due_on)
    if not parts:
        raise Invalid("Give at least one date with its amount.", "parts")
    if any(part.amount <= 0 for part in parts):
        raise Invalid("Each amount must be more than zero.", "parts")
    if any(one.due_on == other.due_on for one, other in pairwise(parts)):
        raise Invalid("Two payments are due on one day. Give each a day of its own.", "parts")
    if sum(part.amount for part in parts) != terms.total_minor:
        raise Invalid("The amounts do not add up to the total.", "parts")
    return [Instalment(n, part.due_on, part.amount) for n, part in enumerate(parts, start=1)]


# --- dates ------------------------------------------------------------------------------------------------


def _by_period(terms: AgreementTerms) -> Iterator[date]:
    """`first_due_on` and each period after it; from one period after it behind a down payment."""
    start = 1 if terms.down_payment_minor else 0
    for n in range(start, start + terms.payments + 1):
        yield period_on(terms.first_due_on, terms.cadence, n)


def _on_paydays(
    terms: AgreementTerms, payday: Payday, is_off: Callable[[date], bool], least: date
) -> Iterator[date]:
    """The due dates that follow paydays, from `least` on: one payday a period of the agreement."""
    first, taken, n = payday.next_on, 0, 0
    while True:
        paid_on = period_on(payday.next_on, payday.cadence, n)
        n += 1
        if taken and paid_on < period_on(first, terms.cadence, taken):
            continue
        due = paid_on
        for _ in range(payday.days_after):
            due = working_day(due + _DAY, is_off)
        if due < least and not taken:
            continue
        first = first if taken else paid_on
        taken += 1
        yield due


# --- what no schedule can have -----------------------------------------------------------------------------


def _check_figures(terms: AgreementTerms) -> None:
    if terms.total_minor <= 0:
        raise Invalid("The amount must be positive.", "amount")
    if max(terms.first_due_on, terms.payday.next_on if terms.payday else date.min).year > LAST_YEAR:
        raise Invalid("This date lies too far ahead.", "due_on")
    if not 1 <= max(terms.payments, len(terms.parts)) <= MOST_PAYMENTS:
        raise Invalid(f"An agreement has 1 to {MOST_PAYMENTS} payments.", "payments")
    if terms.cadence is Cadence.ONCE and terms.payments != 1:
        raise Invalid("Say how often the payments fall due.", "cadence")
    if terms.down_payment_minor < 0:
        raise Invalid("The down payment cannot be negative. Enter 0 for none.", "down_payment")
    if terms.apr_millionths is not None and not 0 <= terms.apr_millionths <= MILLION:
        raise Invalid("The rate is from 0 to 100 % a year.", "apr")
    _check_reduction(terms)
    if (payday := terms.payday) is not None:
        _check_payday(terms.cadence, payday)
        if payday.next_on.toordinal() < terms.first_due_on.toordinal() - LONGEST_AGO:
            raise Invalid("This payday lies too far back. Give the next one.", "payday")
    if terms.cadence is not Cadence.CUSTOM and terms.total_minor - terms.down_payment_minor < terms.payments:
        raise _too_little(terms)


def _check_reduction(terms: AgreementTerms) -> None:
    if (reduced := terms.reduced) is None:
        return
    if terms.cadence not in PERIODS_A_YEAR:
        raise Invalid("Only payments that repeat can be reduced for a time.", "cadence")
    if not 1 <= reduced.payments < terms.payments:
        raise Invalid("At least one payment is reduced, and at least one is not.", "reduced_payments")
    if reduced.amount_minor <= 0:
        raise Invalid("A reduced payment must be more than zero. Agree on a skip instead.", "reduced_amount")
    if reduced.amount_minor * reduced.payments >= terms.total_minor - terms.down_payment_minor:
        raise Invalid(
            "The reduced payments alone pay the whole amount. Offer an ordinary plan.", "reduced_amount"
        )


def _check_payday(cadence: Cadence, payday: Payday) -> None:
    if payday.cadence not in PERIODS_A_YEAR:
        raise Invalid(
            "Say how often they are paid: weekly, fortnightly, every four weeks or monthly.", "payday"
        )
    if not 1 <= payday.days_after <= 3:
        raise Invalid("A payment falls due 1 to 3 working days after the payday.", "payday")
    if cadence is Cadence.CUSTOM:
        raise Invalid("Dates of one's own do not follow a payday. Choose one of the two.", "payday")
    if cadence in PERIODS_A_YEAR and PERIODS_A_YEAR[cadence] > PERIODS_A_YEAR[payday.cadence]:
        raise Invalid("Payments are more frequent than paydays. Choose the payday's own cadence.", "cadence")


def _too_little(terms: AgreementTerms) -> Invalid:
    left = "What the down payment leaves" if terms.down_payment_minor else "This"
    return Invalid(
        f"{left} is too little for {counted(terms.payments, 'instalment')}. Offer fewer.", "amount"
    )
