"""Reading the negotiation page's form: the two questions, and the customer's own offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.solver.counter import Counter
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import Payday
from app.core.labels import OPTION_LABELS
from app.core.money import to_decimal_string
from app.web.forms import Fields, Typed

COUNTER_KINDS: Sequence[tuple[str, str]] = [
    (each.value, OPTION_LABELS[each.value]) for each in OptionKind if each is not OptionKind.RE_AGE
]
SAID = ("pay", "at_once", "often", "payday", "c_kind", "c_each", "c_down", "c_payments", "c_often", "c_first")
"""Fields that say what can be paid; the form that closes the negotiation carries them."""
ANSWER_FIELDS = {
    "monthly": "pay", "once": "at_once", "payday_on": "payday", "payday_cadence": "often",
}  # fmt: skip
COUNTER_FIELDS = {
    "payment": "c_each", "down_payment": "c_down", "payments": "c_payments", "first_on": "c_first",
}  # fmt: skip
"""A field as the act calls it -> as the form calls it."""


class SaidForm(Typed):
    pay: str = ""
    at_once: str = ""
    often: str = Cadence.MONTHLY.value
    payday: str = ""
    c_kind: str = OptionKind.LONG_PLAN.value
    c_each: str = ""
    c_down: str = ""
    c_payments: str = ""
    c_often: str = Cadence.MONTHLY.value
    c_first: str = ""
    plan: str = ""
    """The number of the running agreement that the page named; '' = none ran."""


def answer_in(fields: Fields) -> Answer | None:
    """The amount the customer could pay, and their payday; None where nothing was said."""
    payday = None
    if fields.has("payday"):
        payday = Payday(fields.day("payday"), fields.choice("often", Cadence))
    monthly = fields.amount("pay") if fields.has("pay") else None
    once = fields.amount("at_once")
    if monthly is None and not once and payday is None:
        return None
    return Answer(monthly, once, payday)


def counter_in(fields: Fields) -> Counter | None:
    """The customer's own offer; None where there is none."""
    if not fields.has("c_each"):
        return None
    return Counter(
        fields.choice("c_kind", OptionKind),
        fields.amount("c_each"),
        fields.choice("c_often", Cadence),
        fields.amount("c_down"),
        fields.day("c_first") if fields.has("c_first") else None,
        fields.whole("c_payments") if fields.has("c_payments") else None,
    )


def values_of(answer: Answer | None, currency: str) -> Mapping[str, str]:
    """The fields of an answer that is on record."""
    if answer is None:
        return {}
    said = {"pay": "", "at_once": "", "payday": "", "often": Cadence.MONTHLY.value}
    if answer.monthly_minor is not None:
        said["pay"] = to_decimal_string(answer.monthly_minor, currency)
    if answer.once_minor:
        said["at_once"] = to_decimal_string(answer.once_minor, currency)
    if answer.payday:
        said["payday"], said["often"] = answer.payday.next_on.isoformat(), answer.payday.cadence.value
    return said
