"""Disputed sums of accounts, which are no part of a claim. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.legal.checklists.case_file import CaseFile, Dispute


def left_out_minor(owed_minor: int, account_ref: str, disputes: Iterable[Dispute]) -> int:
    """The sum of it, positive: at most what is owed on the account."""
    return min(
        max(0, owed_minor), sum(each.left_out_minor for each in parts_in_dispute(account_ref, disputes))
    )


def claimed_sum(owed: Iterable[tuple[str, int]], disputes: Sequence[Dispute]) -> int:
    """What is claimed of these accounts, each with what is owed on it: without what is disputed of each."""
    return sum(minor - left_out_minor(minor, account_ref, disputes) for account_ref, minor in owed)


def left_out_of(case: CaseFile) -> int:
    """The disputed sum that is left out of the claim of a case file."""
    return sum(left_out_minor(each.balance_minor, each.account_ref, case.disputes) for each in case.accounts)


def parts_in_dispute(account_ref: str, disputes: Iterable[Dispute]) -> Sequence[Dispute]:
    """The unresolved disputes of a part of this account."""
    return [each for each in disputes if each.is_part and each.account_ref == account_ref]
