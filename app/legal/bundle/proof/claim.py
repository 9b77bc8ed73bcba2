"""The claim of case.json, computed again from the columns of ledger.csv. Pure; knows neither the case nor the rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.core.money import to_minor
from app.core.types import JsonObject
from app.legal.bundle import bag as fmt


class ClaimSums:
    """The claim of case.json, computed again from the columns of ledger.csv."""

    def __init__(self, case: JsonObject, currency: str) -> None:
        self._claim, self._currency = case["claim"], currency
        self._gone = {each["account_ref"]: each["charged_off_on"] for each in self._claim["accounts"]}
        self._sums: dict[tuple[str, str, str], list[int]] = {}

    def count(self, row: Mapping[str, str]) -> bool:
        """Count an entry; False where its parts do not sum to it."""
        parts = [to_minor(row[part], self._currency) for part in fmt.CLAIM_PARTS]
        gone = self._gone.get(row["account_ref"])
        period = "whole" if gone is None else "since_charge_off"
        if gone is not None and row["effective_on"] <= gone:
            period = "until_charge_off"
        sums = self._sums.setdefault((row["account_ref"], row["claim_line"], period), [0] * len(parts))
        for n, minor in enumerate(parts):
            sums[n] += minor
        return sum(parts) == to_minor(row["amount"], self._currency)

    def problems(self) -> Iterator[str]:
        told, everything = set(), []
        for account in self._claim["accounts"]:
            ref, own = account["account_ref"], []
            for line in account["lines"]:
                key = (ref, line["line"], line["period"])
                told.add(key)
                sums = self._sums.get(key, [0] * len(fmt.CLAIM_PARTS))
                own.append((line["period"], sums))
                if not self._is(line["amounts"], [sums]):
                    yield f"claim of account {ref[:80]}: {' '.join(key[1:])} is not what ledger.csv says"
            before = [sums for period, sums in own if period == "until_charge_off"]
            if (account["at_charge_off"] is None) != (account["charged_off_on"] is None):
                yield f"claim of account {ref[:80]}: the charge-off has no day or no amount"
            elif account["at_charge_off"] is not None and not self._is(account["at_charge_off"], before):
                yield f"claim of account {ref[:80]}: the amount at charge-off is not what ledger.csv says"
            told_apart = account.get("disputed", ())
            disputed = [self._minor(each["amounts"]) for each in told_apart]
            if any(
                not self._is(each["amounts"], [parts])
                for each, parts in zip(told_apart, disputed, strict=True)
            ):
                yield f"claim of account {ref[:80]}: the parts of what is disputed do not sum to it"
            if any(minor > 0 for parts in disputed for minor in parts):
                yield f"claim of account {ref[:80]}: what is disputed adds to it"
            own += [("disputed", parts) for parts in disputed]
            if not self._is(account["claimed"], [sums for _, sums in own]):
                yield f"claim of account {ref[:80]}: its lines do not sum to it"
            everything += [sums for _, sums in own]
        if self._sums.keys() - told:
            yield "claim: ledger.csv has entries that count in no line of it"
        if not self._is(self._claim["parts"], everything):
            yield "claim: the accounts do not sum to it"
        if self._claim["parts"]["total"] != self._claim["amount"]:
            yield "claim: its parts do not sum to it"

    def disputed_minor(self) -> int:
        """What is disputed and not claimed, on all accounts: zero or negative."""
        told = (each for account in self._claim["accounts"] for each in account.get("disputed", ()))
        return sum(to_minor(each["amounts"]["total"], self._currency) for each in told)

    def disputes(self) -> Iterator[str]:
        """References of the disputes whose sums are not claimed."""
        for account in self._claim["accounts"]:
            yield from (each["dispute"] for each in account.get("disputed", ()))

    def _minor(self, amounts: JsonObject) -> list[int]:
        return [to_minor(amounts[part], self._currency) for part in fmt.CLAIM_PARTS]

    def _is(self, amounts: JsonObject, sums: Sequence[Sequence[int]]) -> bool:
        wanted = [sum(column) for column in zip(*sums, strict=True)] or [0] * len(fmt.CLAIM_PARTS)
        stated = self._minor(amounts)
        return stated == wanted and to_minor(amounts["total"], self._currency) == sum(wanted)
