"""`[charges]`: the most that may be charged. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from app.core.money import BadAmount, to_minor
from app.policy.schema import SourcedTable

MILLION = 1_000_000


def millionths(value: object) -> int:
    """'0.36' as 360000."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]\.[0-9]{1,6}", value):
        raise ValueError("write a rate as '0.36' for 36 % a year")
    return int(value[0]) * MILLION + int(value[2:].ljust(6, "0"))


@dataclass(frozen=True, slots=True)
class ChargeCaps:
    """The most a pack lets us charge; None = the pack names no figure."""

    force: str
    citation: str
    source: str
    verified: bool
    max_apr_millionths: int | None = None
    late_fee_minor: int | None = None
    currency: str = ""
    """Of `late_fee_minor`."""
    known_until: date | None = None
    """Last day for which the figures are known, where they change by the year; None = they do not."""
    default_sums_free: bool = False
    """Late fees bear no interest."""


class ChargesTable(SourcedTable):
    max_apr: Annotated[int, BeforeValidator(millionths)] | None = None
    late_fee: str | None = None
    currency: str = ""
    known_until: date | None = None
    default_sums_free: bool = False

    @model_validator(mode="after")
    def fee_has_a_currency(self) -> Self:
        self._late_fee_minor()
        return self

    def _late_fee_minor(self) -> int | None:
        if self.late_fee is None:
            return None
        try:
            return to_minor(self.late_fee, self.currency)
        except BadAmount as error:
            raise ValueError(f"late_fee: {error}") from None

    def section(self) -> ChargeCaps:
        return ChargeCaps(
            **self.sourced(),
            max_apr_millionths=self.max_apr,
            late_fee_minor=self._late_fee_minor(),
            currency=self.currency,
            known_until=self.known_until,
            default_sums_free=self.default_sums_free,
        )
