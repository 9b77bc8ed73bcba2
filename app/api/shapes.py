"""Answers of the API as models: the JSON of one thing is said here once, for the API and for `desk ... --json`.

Amounts are decimal strings in currency units with the currency beside them; dates ISO 8601; instants RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Money = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        description="Decimal string in currency units; the currency stands beside it.",
        examples=["125.00"],
    ),
]


class Shape(BaseModel):
    """Base of all that the API takes and answers. Its validator is built at the first use: a start waits for none of
    the two hundred."""

    model_config = ConfigDict(defer_build=True)
