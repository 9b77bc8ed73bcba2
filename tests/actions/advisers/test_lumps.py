"""A lump payment whose part was split again: the whole is not taken back over the parts of its part."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.advisers.lumps import NewLump, reverse_lump, split_lump
from app.book.feeds.models import UnmatchedPayment
from app.casework.advisers.models import Adviser
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders

TODAY = date(2026, 3, 20)
MEI = {"by": Actor.user("mei"), "now": builders.at(TODAY)}


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
