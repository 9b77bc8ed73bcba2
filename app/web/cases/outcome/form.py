"""The form of a call, letter or visit as it was typed, and the report that it makes."""

from __future__ import annotations

from app.actions.results.report import CallReport
from app.casework.results.rules import CallField, ContactWay, Direction, ResultSet
from app.web.forms import Fields, Typed


class CallForm(Typed):
    result: str = ""
    direction: str = "out"
    way: str = "call"
    on: str = ""
    note: str = ""
    saved: str = ""
    """A saved text, which a script puts into the note at once."""
    next: str = ""
    """`1` from "Save and next"."""
    sure: str = ""
    callback_at: str = ""
    amount: str = ""
    due_on: str = ""
    number: str = ""
    relation: str = ""
    paid_on: str = ""
    paid_amount: str = ""
    method: str = ""
    category: str = ""
    words: str = ""
    transactions: str = ""
    disputed_amount: str = ""
    person: str = ""
    support_type: str = ""
    consent: str = ""
    channel: str = ""
    request: str = ""


MOMENTS, AMOUNTS = (
    {CallField.CALLBACK_AT},
    {CallField.AMOUNT, CallField.PAID_AMOUNT, CallField.DISPUTED_AMOUNT},
)
DAYS = {CallField.DUE_ON, CallField.PAID_ON}
TEXTS = [name for name in CallField if name not in MOMENTS | AMOUNTS | DAYS | {CallField.NUMBER}]


def report_of(fields: Fields, typed: CallForm, results: ResultSet) -> CallReport:
    """The report as typed; every fault is noted beside its field."""
    code = results.named(typed.result)
    if code is None:
        fields.errors["result"] = "Choose one."
    return CallReport(
        result=typed.result,
        note=f"{typed.note} {typed.saved}".strip() if typed.saved else typed.note,
        callback_at=fields.moment("callback_at"),
        amount_minor=fields.amount("amount"),
        due_on=fields.day("due_on") if fields.has("due_on") else None,
        number=typed.number,
        paid_on=fields.day("paid_on") if fields.has("paid_on") else None,
        paid_minor=fields.amount("paid_amount"),
        disputed_minor=fields.amount("disputed_amount"),
        texts={name: getattr(typed, name.value) for name in TEXTS if getattr(typed, name.value).strip()},
        direction=fields.choice("direction", Direction),
        way=fields.choice("way", ContactWay),
        on=fields.day("on") if fields.has("on") else None,
    )
