"""The tables of a result code file, checked by pydantic: fields, their types and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.casework.results.effects import (
    AskManager,
    Callback,
    ConductEnded,
    Effect,
    NumberBad,
    OptOut,
    PaymentClaimed,
    PlaceHold,
    Promise,
    Retry,
    Task,
)
from app.casework.results.rules import (
    CallField,
    ContactWay,
    Counts,
    Direction,
    ResultCode,
    ResultSet,
    SavedText,
)
from app.core.vocabulary import HoldKind

Words = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Days = Annotated[int, Field(ge=1, le=366)]
Ways = Annotated[
    list[Annotated[ContactWay, Field(strict=False)]], Field(min_length=1, max_length=len(ContactWay))
]
FieldNames = Annotated[list[Annotated[CallField, Field(strict=False)]], Field(max_length=len(CallField))]
DIRECTIONS = {"out": {Direction.OUT}, "in": {Direction.IN}, "both": {Direction.OUT, Direction.IN}}


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RetryTable(Table):
    do: Literal["retry"]
    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    after_minutes: Annotated[int, Field(ge=5, le=2880)] = 120
    other_slot: bool = True

    def effect(self) -> Effect:
        return Retry(self.attempts, self.after_minutes, self.other_slot)


class NumberBadTable(Table):
    do: Literal["number_bad"]
    why: Words = "wrong number"
    look_for_another: bool = True
    replace_links: bool = False

    def effect(self) -> Effect:
        return NumberBad(self.why, self.look_for_another, self.replace_links)


class PaymentClaimedTable(Table):
    do: Literal["payment_claimed"]
    days: Annotated[int, Field(ge=1, le=60)] = 10

    def effect(self) -> Effect:
        return PaymentClaimed(self.days)


class HoldTable(Table):
    do: Literal["hold"]
    kind: Annotated[HoldKind, Field(strict=False)]
    days: Days = 30

    def effect(self) -> Effect:
        return PlaceHold(self.kind, self.days)


class TaskTable(Table):
    do: Literal["task"]
    text: Annotated[str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True)]
    days: Annotated[int, Field(ge=0, le=366)] = 1

    def effect(self) -> Effect:
        return Task(self.text, self.days)


PLAIN: Mapping[str, type[Promise | Callback | OptOut | AskManager | ConductEnded]] = {
    "promise": Promise,
    "callback": Callback,
    "opt_out": OptOut,
    "ask_manager": AskManager,
    "conduct_ended": ConductEnded,
}


class PlainTable(Table):
    """An effect without settings."""

    do: Literal["promise", "callback", "opt_out", "ask_manager", "conduct_ended"]

    def effect(self) -> Effect:
        return PLAIN[self.do]()


AnyEffect = Annotated[
    RetryTable | NumberBadTable | PaymentClaimedTable | HoldTable | TaskTable | PlainTable,
    Field(discriminator="do"),
]


class CodeTable(Table):
    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    label: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]?$")] = ""
    direction: Literal["out", "in", "both"] = "both"
    ways: Ways | None = None
    """None = every way, or calls only where the code is of a telephone."""
    counts: Annotated[Counts, Field(strict=False)]
    asks: FieldNames = []
    requires: FieldNames = []
    effects: Annotated[list[AnyEffect], Field(max_length=len(get_args(Effect)))] = []

    def result_code(self) -> ResultCode:
        return ResultCode(
            code=self.code,
            label=self.label,
            key=self.key,
            directions=frozenset(DIRECTIONS[self.direction]),
            ways=self._ways(),
            counts=self.counts,
            asks=tuple(self.asks),
            requires=frozenset(self.requires),
            effects=tuple(each.effect() for each in self.effects),
        )

    def _ways(self) -> frozenset[ContactWay]:
        if self.ways is not None:
            return frozenset(self.ways)
        is_of_calls = any(isinstance(each, RetryTable | NumberBadTable) for each in self.effects)
        return frozenset({ContactWay.CALL}) if is_of_calls else frozenset(ContactWay)


class TextTable(Table):
    name: Words
    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class FileTable(Table):
    codes: Annotated[list[CodeTable], Field(min_length=1, max_length=60)]
    texts: Annotated[list[TextTable], Field(max_length=60)] = []

    def result_set(self) -> ResultSet:
        texts = tuple(SavedText(each.name, each.text) for each in self.texts)
        return ResultSet(tuple(each.result_code() for each in self.codes), texts)
