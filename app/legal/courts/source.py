"""A sealed bundle, opened for the forms of courts and attorneys: its `case.json` and its ledger. Pure."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.core.errors import Conflict
from app.core.kit.csv_cells import unprotect
from app.core.types import JsonObject
from app.legal.bundle.bag import FORMAT


@dataclass(frozen=True, slots=True)
class Source:
    case: JsonObject
    ledger: tuple[dict[str, str], ...]

    @property
    def currency(self) -> str:
        return str(self.case["claim"]["currency"])

    @property
    def claim(self) -> JsonObject:
        found: JsonObject = self.case["claim"]
        return found

    def account(self, account_ref: str) -> JsonObject:
        return next(each for each in self.case["accounts"] if each["account_ref"] == account_ref)

    def entries(self, account_ref: str) -> Sequence[dict[str, str]]:
        return [row for row in self.ledger if row["account_ref"] == account_ref]


def open_source(bundle: bytes) -> Source:
    """Conflict where the bundle is of a format without a claim in parts."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        base = archive.namelist()[0].partition("/")[0]
        case = json.loads(archive.read(f"{base}/data/case.json"))
        if case["format"] != FORMAT:
            raise Conflict(
                f"Bundle {base} was sealed before claims were split into parts. Build the bundle again, then export it."
            )
        text = archive.read(f"{base}/data/ledger.csv").decode()
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return Source(case, tuple({name: unprotect(cell) for name, cell in row.items()} for row in rows))


def money(amount: str) -> Decimal:
    return Decimal(amount)
