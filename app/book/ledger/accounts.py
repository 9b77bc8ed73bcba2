"""Find accounts by their reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Account
from app.book.ledger.references import normal_reference
from app.core.database.bulk import chunked
from app.core.database.engine import table_of


def find_account(session: Session, portfolio_id: int, reference: str) -> Account | None:
    """The account of this reference, as `accounts_by_reference` finds it."""
    found = accounts_by_reference(session, portfolio_id, [reference])
    return session.get(Account, found[reference][0]) if reference in found else None


def accounts_by_reference(
    session: Session, portfolio_id: int, references: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """reference, spelt as it was asked for -> (account id, customer id) of those that exist. The exact spelling comes
    first, then the normal one, then another case where exactly one account has it."""
    wanted = {reference: normal_reference(reference) for reference in references}
    exact = _accounts_called(session, portfolio_id, {*wanted, *wanted.values()})
    found = {
        asked: exact.get(asked) or exact[normal]
        for asked, normal in wanted.items()
        if asked in exact or normal in exact
    }
    if missing := {asked: normal.upper() for asked, normal in wanted.items() if asked not in found}:
        by_case: dict[str, list[tuple[int, int]]] = {}
        for reference, ids in _accounts_called(
            session, portfolio_id, set(missing.values()), any_case=True
        ).items():
            by_case.setdefault(reference.upper(), []).append(ids)
        found.update(
            {asked: by_case[upper][0] for asked, upper in missing.items() if len(by_case.get(upper, ())) == 1}
        )
    return found


def _accounts_called(
    session: Session, portfolio_id: int, names: Iterable[str], *, any_case: bool = False
) -> dict[str, tuple[int, int]]:
    """reference -> (account id, customer id); of `any_case` the names are in capitals."""
    table = table_of(Account)
    reference = sa.func.upper(table.c.reference) if any_case else table.c.reference
    found: dict[str, tuple[int, int]] = {}
    for some in chunked(sorted(names), 5000):
        query = sa.select(table.c.reference, table.c.id, table.c.customer_id).where(
            table.c.portfolio_id == portfolio_id, reference.in_(some)
        )
        found.update({ref: (account, customer) for ref, account, customer in session.execute(query)})
    return found
