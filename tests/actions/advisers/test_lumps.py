"""A lump payment whose part was split again is not taken back over the parts of its part, and the money of one that was
written down by hand is not posted again when the bank's credit comes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.advisers.lumps import SURE, NewLump, SeenBefore, SplitLump, reverse_lump, split_lump
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.rules import UnmatchedStatus
from app.book.portfolios.models import Portfolio
from app.casework.advisers.models import Adviser, LumpPayment
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders

TODAY, DAY = date(2026, 3, 20), timedelta(days=1)
MEI = {"by": Actor.user("mei"), "now": builders.at(TODAY)}


ASKED = b"reference,amount\nNOBODY,100.00\n"


def an_adviser(session: Session, code: str = "HELP") -> Adviser:
    adviser = Adviser.model_validate({"code": code, "name": code, "created_at": MEI["now"], "by": "user:mei"})
    session.add(adviser)
    session.flush()
    return adviser


def a_credit(
    session: Session, book: Portfolio, reference: str, paid_on: date, status: UnmatchedStatus
) -> int:
    row = UnmatchedPayment(
        portfolio_id=id_of(book), reference=reference, paid_on=paid_on, amount_minor=10_000, payer_name="HELP CLIENTS",
        status=status, received_at=builders.at(TODAY),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return id_of(row)


def split(session: Session, book: Portfolio, adviser: Adviser, new: NewLump) -> SplitLump:
    return split_lump(session, book, adviser, new, ASKED, role=Role.MANAGER, **MEI)


def test_the_banks_credit_of_a_payment_written_down_by_hand_is_asked_about(engine: Engine) -> None:
    """Booked up to five days apart, under the bank's own reference."""
    with transaction(engine) as session:
        book, adviser = builders.portfolio(session), an_adviser(session)
        split(session, book, adviser, NewLump("APRIL", TODAY - 5 * DAY, 10_000))
        credit = a_credit(session, book, "BANK-77", TODAY, UnmatchedStatus.WAITING)
        with pytest.raises(SeenBefore, match="split already, as payment APRIL") as asked:
            split(session, book, adviser, NewLump(unmatched_id=credit))
        assert asked.value.field == "sure"
        with pytest.raises(SeenBefore):
            split(session, book, adviser, NewLump(unmatched_id=credit, sure="lump_payment:99:10000"))
        assert len(session.scalars(select(LumpPayment)).all()) == 1, "nothing was posted"
        assert split(
            session, book, an_adviser(session, "OTHER"), NewLump("MAY", TODAY, 10_000, sure=SURE)
        ).is_new
        assert split(session, book, adviser, NewLump(unmatched_id=credit, sure=asked.value.answer)).is_new


@pytest.mark.parametrize(
    ("days", "status", "said"),
    [
        (0, UnmatchedStatus.WAITING, "waits as unmatched payment"),
        (5, UnmatchedStatus.MATCHED, "was posted already, as payment BANK-77"),
        (6, UnmatchedStatus.WAITING, ""),
        (0, UnmatchedStatus.RETURNED, ""),
    ],
)
def test_a_payment_written_down_by_hand_that_the_bank_told_is_asked_about(
    sqlite_engine: Engine, days: int, status: UnmatchedStatus, said: str
) -> None:
    with transaction(sqlite_engine) as session:
        book, adviser = builders.portfolio(session), an_adviser(session)
        a_credit(session, book, "BANK-77", TODAY - days * DAY, status)
        if not said:
            assert split(session, book, adviser, NewLump("MAY", TODAY, 10_000)).is_new
            return
        with pytest.raises(SeenBefore, match=said):
            split(session, book, adviser, NewLump("MAY", TODAY, 10_000))


def test_two_credits_of_the_bank_are_two_payments(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        book, adviser = builders.portfolio(session), an_adviser(session)
        for reference in ("BANK-1", "BANK-2"):
            credit = a_credit(session, book, reference, TODAY, UnmatchedStatus.WAITING)
            assert split(session, book, adviser, NewLump(unmatched_id=credit)).is_new


def test_a_part_that_was_split_is_taken_back_before_the_whole(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        book = builders.portfolio(session)
        adviser = Adviser.model_validate(
            {"code": "HELP", "name": "Help", "created_at": MEI["now"], "by": "user:mei"}
        )
        session.add(adviser)
        session.flush()
        whole = NewLump("LUMP-1", TODAY, 10_000)
        asked = b"reference,amount\nNOBODY,100.00\n"
        outer = split_lump(session, book, adviser, whole, asked, role=Role.MANAGER, **MEI).lump
        part = session.scalars(select(UnmatchedPayment)).one()
        again = NewLump(unmatched_id=id_of(part))
        inner = split_lump(session, book, adviser, again, asked, role=Role.MANAGER, **MEI).lump
        with pytest.raises(Conflict, match="Take that split back first"):
            reverse_lump(session, outer, "the bank took it back", **MEI)
        assert reverse_lump(session, inner, "wrong schedule", **MEI) == 1
        assert reverse_lump(session, outer, "the bank took it back", **MEI) == 1
