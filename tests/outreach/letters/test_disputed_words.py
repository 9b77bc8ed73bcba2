"""A reminder while a part of the debt is disputed: it asks for the rest, and says what the balance includes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.disputes.opening import open_dispute
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.disputes.rules import Disputed, DisputeKind, ReceivedAs
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.vocabulary import Channel
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.letters.letter import LetterContext
from app.outreach.letters.rendering import render
from app.outreach.planning.letterhead import Letterhead
from app.outreach.planning.wording import letter_context
from tests import builders

ON = date(2026, 6, 1)
LETTERS = builders.catalog().letters
SAID = {
    "en": "that you disputed and that we are not asking for now",
    "id": "yang Anda sanggah dan saat ini tidak kami tagih",
    "nb": "som du har gjort innsigelse mot, og som vi ikke krever nå",
    "nl": "die u hebt betwist en die wij nu niet van u vragen",
    "zh": "我們目前不要求您支付這部分",
    "zh-Hans": "我们目前不要求您支付这部分",
}


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.POST, Channel.CALL])
def test_a_reminder_says_that_a_disputed_sum_is_left_out(engine: Engine, channel: Channel) -> None:
    letter = LETTERS["first_reminder"]
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON, minimum=30_000)
        card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
        book = session.get_one(Portfolio, case.portfolio_id)
        assert case.id is not None

        def context() -> LetterContext:
            [told] = load_contact_cases(session, book, [case.id or 0], now=builders.at(ON), as_of=ON)
            head, catalog, now = Letterhead.of(book), builders.catalog(), builders.at(ON)
            return letter_context(session, head, catalog, told, letter, channel, None, now=now)

        before = context()
        said = Disputed(DisputeKind.AMOUNT, card.id, 8_000)
        open_dispute(
            session, case, said, "not mine", builders.catalog(), received_on=ON, received_as=ReceivedAs.ORAL,
            by=Actor.user("ben"), now=builders.at(ON),
        )  # fmt: skip
        after = context()
    for language, words in SAID.items():
        texts = [" ".join(render(letter, channel, language, each).text.split()) for each in (before, after)]
        assert [words in text for text in texts] == [False, True], language
        assert ["80.00" in text or "80,00" in text for text in texts] == [False, True], language
        assert ["220.00" in text for text in texts] == [False, True], language
