"""Moves as pages and programs show them: the list, and one with its cases, people and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.assignment.models import CaseMove, CaseMoveLine
from app.casework.assignment.queries import abilities, open_loads
from app.casework.assignment.stays import MoveState, MoveStatus, StayReason, read
from app.casework.cases.models import CollectionsCase, case_reference
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.staff.models import User


@dataclass(frozen=True, slots=True)
class MoveLine:
    """A case of a move. Amounts as the preview showed them, in minor units."""

    case_id: int
    customer_id: int
    customer: str
    currency: str
    from_owner: str
    from_covered_for: str
    to: str
    state: MoveState
    why: tuple[StayReason, ...]
    past_due_minor: int
    balance_minor: int

    @property
    def reference(self) -> str:
        return case_reference(self.case_id)


@dataclass(frozen=True, slots=True)
class Receiver:
    """A person who gets cases of a preview."""

    username: str
    before: int
    """Open cases that they have now."""
    gets: int
    gives: int
    """Cases of theirs that go to others by the same preview."""
    most_cases: int | None

    @property
    def after(self) -> int:
        return self.before + self.gets - self.gives

    @property
    def over_by(self) -> int:
        return 0 if self.most_cases is None else max(0, self.after - self.most_cases)


@dataclass(frozen=True, slots=True)
class MoveSum:
    """Cases of one currency that a move takes along, or took."""

    currency: str
    cases: int
    past_due_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class MoveView:
    move: CaseMove
    lines: Sequence[MoveLine]
    receivers: Sequence[Receiver]
    givers: Mapping[str, int]
    """Owner -> cases that go from them; '' = from nobody."""
    sums: Sequence[MoveSum]

    def of(self, *states: MoveState) -> list[MoveLine]:
        return [line for line in self.lines if line.state in states]

    @property
    def going(self) -> list[MoveLine]:
        """Cases that are to move, or moved."""
        return self.of(MoveState.PLANNED, MoveState.MOVED, MoveState.RESTORED, MoveState.KEPT)

    @property
    def overruled(self) -> tuple[StayReason, ...]:
        return read(self.move.overruled)

    @property
    def choice(self) -> Mapping[str, object]:
        found: Mapping[str, object] = orjson.loads(self.move.choice)
        return found


def view_move(session: Session, move: CaseMove) -> MoveView:
    """A move with its cases. Loads of the receivers are of this moment."""
    lines = _lines(session, id_of(move))
    going = [line for line in lines if line.state in (MoveState.PLANNED, MoveState.MOVED)]
    people = {name: number for number, name in session.execute(sa.select(col(User.id), col(User.username)))}
    loads, can = open_loads(session), abilities(session)
    is_ahead = move.status is MoveStatus.PREPARED
    receivers = [
        Receiver(
            username=name,
            before=loads.get(name, 0),
            gets=sum(line.to == name for line in going) if is_ahead else 0,
            gives=sum(line.from_owner == name for line in going) if is_ahead else 0,
            most_cases=can[people[name]].most_cases if name in people else None,
        )
        for name in orjson.loads(move.receivers)
    ]
    givers: dict[str, int] = {}
    sums: dict[str, MoveSum] = {}
    for line in going:
        givers[line.from_owner] = givers.get(line.from_owner, 0) + 1
        was = sums.get(line.currency, MoveSum(line.currency, 0, 0, 0))
        sums[line.currency] = MoveSum(
            line.currency,
            was.cases + 1,
            was.past_due_minor + line.past_due_minor,
            was.balance_minor + line.balance_minor,
        )
    return MoveView(move, lines, receivers, dict(sorted(givers.items())), [sums[key] for key in sorted(sums)])


def _lines(session: Session, move_id: int) -> list[MoveLine]:
    line, case, customer, portfolio = (
        table_of(each) for each in (CaseMoveLine, CollectionsCase, Customer, Portfolio)
    )
    query = (
        sa.select(line, case.c.customer_id, customer.c.full_name, portfolio.c.currency)
        .join(case, case.c.id == line.c.case_id)
        .join(customer, customer.c.id == case.c.customer_id)
        .join(portfolio, portfolio.c.id == case.c.portfolio_id)
        .where(line.c.move_id == move_id)
        .order_by(line.c.n)
    )
    return [
        MoveLine(
            case_id=row.case_id,
            customer_id=row.customer_id,
            customer=row.full_name,
            currency=row.currency,
            from_owner=row.from_owner,
            from_covered_for=row.from_covered_for,
            to=row.to_owner,
            state=row.state,
            why=read(row.why),
            past_due_minor=row.past_due_minor,
            balance_minor=row.balance_minor,
        )
        for row in session.connection().execute(query)
    ]
