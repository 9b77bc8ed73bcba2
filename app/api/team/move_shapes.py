"""Moves of many cases as JSON: what is sent to prepare one, and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field
from sqlmodel import Session

from app.actions.staffing.choice import LONGEST_UNTOUCHED
from app.api.deps import Input
from app.api.shapes import Money, Shape
from app.casework.assignment.models import CaseMove
from app.casework.assignment.move_list import MoveSummary
from app.casework.assignment.move_queries import MoveLine, Receiver, view_move
from app.casework.assignment.moving import MOST_MOVED, undo_until
from app.casework.assignment.stays import OVERRULED, MoveState, MoveStatus, StayReason
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.text import Line

Username = Annotated[Line, Field(min_length=1, max_length=64)]
Short = Annotated[Line, Field(max_length=40)]
Decimal = Annotated[Line, Field(max_length=24, description="In the currency of the portfolio.")]


class ChoiceInput(Input):
    """Which cases: a filter of open cases, or a list of references and nothing else."""

    person: Annotated[Line, Field(max_length=64, description="User name of whose cases; `-` = nobody's.")] = (
        ""
    )
    portfolio: Short = ""
    bucket: Annotated[Line, Field(max_length=20)] = ""
    state: Annotated[Line, Field(max_length=20, description="As in `GET /worklist`.")] = ""
    language: Annotated[Line, Field(max_length=35)] = ""
    balance_from: Decimal = ""
    balance_to: Decimal = ""
    untouched_days: Annotated[
        int | None, Field(ge=1, le=LONGEST_UNTOUCHED, description="No call and no message for so long.")
    ] = None
    at_most: Annotated[int | None, Field(ge=1, le=MOST_MOVED)] = None
    references: Annotated[list[Short], Field(max_length=MOST_MOVED)] = []


class NewMove(Input):
    choice: ChoiceInput
    receivers: Annotated[list[Username], Field(min_length=1, max_length=200)]
    returns: Annotated[bool, Field(description="Until the absent people whose cases they are come back.")] = (
        False
    )
    overruled: Annotated[
        list[Annotated[StayReason, Field(strict=False)]],
        Field(max_length=len(OVERRULED), description=f"Of {', '.join(OVERRULED)}: these do not keep a case."),
    ] = []


class MoveReason(Input):
    reason: Annotated[Line, Field(min_length=1, max_length=200)]


class MoveLineShape(Shape):
    """A case of a move. Amounts as the preview showed them."""

    case: str
    from_owner: str
    covered_for: str = Field(description="The absent person whose case it was; empty = the owner's own.")
    to: str = Field(description="Empty: it stays.")
    state: MoveState
    why: list[StayReason] = Field(description="Reasons for which it does not move, or did not go back.")
    currency: str
    past_due: Money
    balance: Money

    @classmethod
    def of(cls, line: MoveLine) -> Self:
        return cls(
            case=line.reference, from_owner=line.from_owner, covered_for=line.from_covered_for, to=line.to,
            state=line.state, why=list(line.why), currency=line.currency,
            past_due=to_decimal_string(line.past_due_minor, line.currency),
            balance=to_decimal_string(line.balance_minor, line.currency),
        )  # fmt: skip


class ReceiverShape(Shape):
    """A person who gets cases of a preview; loads are of this moment."""

    username: str
    before: int
    after: int
    most_cases: int | None = Field(description="Capacity; null = no limit.")

    @classmethod
    def of(cls, each: Receiver) -> Self:
        return cls(username=each.username, before=each.before, after=each.after, most_cases=each.most_cases)


class MoveShape(Shape):
    id: int
    status: MoveStatus
    returns: bool
    overruled: list[StayReason]
    prepared_at: datetime
    prepared_by: str
    reason: str
    moved_at: datetime | None
    moved_by: str
    undo_until: datetime | None
    undone_at: datetime | None
    receivers: list[ReceiverShape]
    cases: list[MoveLineShape] = Field(description="In the order of the preview, those that stay among them.")

    @classmethod
    def of(cls, session: Session, move: CaseMove) -> Self:
        view = view_move(session, move)
        return cls(
            id=id_of(move), status=move.status, returns=move.returns, overruled=list(view.overruled),
            prepared_at=move.prepared_at, prepared_by=move.prepared_by, reason=move.reason, moved_at=move.moved_at,
            moved_by=move.moved_by, undo_until=undo_until(move.moved_at) if move.moved_at else None,
            undone_at=move.undone_at, receivers=[ReceiverShape.of(each) for each in view.receivers],
            cases=[MoveLineShape.of(each) for each in view.lines],
        )  # fmt: skip


class MoveSummaryShape(Shape):
    id: int
    status: MoveStatus
    reason: str
    moved_at: datetime | None
    moved_by: str
    cases: int = Field(description="That moved.")
    left: int = Field(description="That were planned and did not move, or did not go back.")

    @classmethod
    def of(cls, each: MoveSummary) -> Self:
        move = each.move
        return cls(
            id=id_of(move), status=move.status, reason=move.reason, moved_at=move.moved_at, moved_by=move.moved_by,
            cases=each.cases, left=each.left,
        )  # fmt: skip
