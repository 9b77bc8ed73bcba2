"""Answers of the API as models: the JSON of one thing is said here once, for the API and for `desk ... --json`.

Amounts are decimal strings in currency units with the currency beside them; dates ISO 8601; instants RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Money = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        description="Decimal string in currency units; the currency stands beside it.",
        examples=["125.00"],
    ),
]
