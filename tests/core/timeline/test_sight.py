"""What is withheld from a reader is covered however a person or a page spells it, and nothing else is."""

from __future__ import annotations

import pytest

from app.book.customers.models import WithheldPlace
from app.book.customers.rules import PointKind
from app.book.customers.withheld import hidden_texts
from app.core.timeline.sight import Sight

PLACES = [
    WithheldPlace(kind=PointKind.PHONE, value="+12135550151"),
    WithheldPlace(kind=PointKind.EMAIL, value="anna@home.example"),
    WithheldPlace(kind=PointKind.ADDRESS, value="12 O'Brien Street\nEly\nCB6 1AB\n台北市\nGB"),
]
SIGHT = Sight(works_cases=True, hidden=hidden_texts(PLACES))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call +12135550151", "call [withheld]"),
        ("call (213) 555-0151 or 213.555.0151", "call [withheld] or [withheld]"),
        ("call 001 213 555 01 51", "call [withheld]"),
        ("Anna@Home.example wrote", "[withheld] wrote"),
        ("lives at 12 o'brien  street, Ely", "lives at [withheld]"),
        ("12 O&#39;Brien Street", "[withheld]"),
        ("to Ely, CB6 1AB, GB", "to [withheld]"),
        ("寄到台北市", "寄到[withheld]"),
        ("Ely Cathedral in GB", "Ely Cathedral in GB"),
        ("paid 213.55 on order 5550151", "paid 213.55 on order 5550151"),
    ],
)
def test_a_place_is_covered_however_it_is_spelt(text: str, shown: str) -> None:
    assert SIGHT.cover(text) == shown


def test_an_event_that_tells_a_place_in_other_letters_is_not_seen() -> None:
    assert not SIGHT.sees("note.added", '{"note":"12 o\'brien street"}')
    assert not SIGHT.sees("note.added", '{"note":"213 555 0151"}')
    assert SIGHT.sees("note.added", '{"note":"Ely"}')
    assert Sight().cover("anna@home.example") == "anna@home.example"
