"""Relief in words: the sentence that the customer says yes to names the step, and that a rest stays owed."""

from __future__ import annotations

from babel import Locale

from app.casework.negotiation.facts import Option
from app.casework.negotiation.options import solve
from app.casework.negotiation.solver.chance import BaseChance
from app.web.cases.negotiation.rows import payment_words
from app.web.cases.plan.words import read_back
from app.web.timeline import PageReader
from tests.casework.negotiation.solver_facts import facts, said
from tests.casework.negotiation.test_options import FAR_BEHIND, RELIEF

READER = PageReader(Locale.parse("en_GB"), "USD", "Europe/London")


def options() -> tuple[Option, ...]:
    return solve(facts(said(4_500), FAR_BEHIND, limits=RELIEF, rates_apart=True), BaseChance()).options


def test_payments_that_grow_are_read_back_with_the_day_from_which_they_do() -> None:
    grows = next(option for option in options() if option.terms.reduced)
    assert payment_words(grows.parts, grows.terms, READER) == "6 × US$45.00 a month, then 54 × US$49.91"
    assert read_back(grows.parts, grows.terms, READER) == (
        "You pay US$45.00 6 times, the first on 1 Dec 2026, and from 31 May 2027 on US$49.91 each time until "
        "31 Oct 2031, together US$2,965.00. Is that right?"
    )


def test_token_payments_are_read_back_with_what_they_leave() -> None:
    token = options()[0]
    assert read_back(token.parts, token.terms, READER).endswith(
        "together US$270.00. The rest stays owed, and we talk about it by 3 May 2027. Is that right?"
    )
