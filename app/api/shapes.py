"""Answers of the API as models: the JSON of one thing is said here once, for the API and for `desk ... --json`.

Amounts are decimal strings in currency units with the currency beside them; dates ISO 8601; instants RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from app.core.timeline.sight import Sight

Money = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        description="Decimal string in currency units; the currency stands beside it.",
        examples=["125.00"],
    ),
]


S = TypeVar("S", bound="Shape")


class Shape(BaseModel):
    """Base of all that the API takes and answers. Its validator is built at the first use: a start waits for none of
    the two hundred."""

    model_config = ConfigDict(defer_build=True)


def covered(shape: S, sight: Sight) -> S:
    """The same without what is withheld from its reader, in whichever of its texts somebody wrote it."""
    if not sight.hidden:
        return shape
    return shape.model_copy(
        update={name: _covered(getattr(shape, name), sight) for name in type(shape).model_fields}
    )


def _covered(value: object, sight: Sight) -> object:
    if type(value) is str:
        return sight.cover(value)
    if isinstance(value, Shape):
        return covered(value, sight)
    return [_covered(each, sight) for each in value] if isinstance(value, list) else value
