"""A consent knows its number by a keyed hash; an instalment keeps the amount that was agreed.

Revision ID: 0045
Revises: 0048
"""

import hashlib
import hmac
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from app.core.settings import get_settings

revision = "0045"
down_revision = "0048"
branch_labels = None
depends_on = None

EARLIER = "earlier"
"""Of a consent whose number is not on file any more: it cannot be hashed again, and it holds for none."""
CHUNK = 5_000


def upgrade() -> None:
    op.add_column("plan_instalment", sa.Column("agreed_minor", sa.BigInteger(), nullable=True))
    _keep_agreed_amounts()
    _hash_again(_plain, _keyed)


def downgrade() -> None:
    _hash_again(_keyed, _plain)
    op.drop_column("plan_instalment", "agreed_minor")


def _keep_agreed_amounts() -> None:
    """The amount that the last instalment had before moves and skips brought interest or saved it. Where they changed
    others as well, those stay unknown: nothing has kept what they were."""
    connection = op.get_bind()
    changed = sa.text(
        "SELECT plan_id, SUM(interest_minor) FROM plan_change GROUP BY plan_id HAVING SUM(interest_minor) <> 0"
    )
    for plan_id, interest in connection.execute(changed).all():
        parts = connection.execute(
            sa.text(
                "SELECT n, amount_minor FROM plan_instalment WHERE plan_id = :plan"
                " ORDER BY COALESCE(agreed_on, due_on) DESC, n DESC"
            ),
            {"plan": plan_id},
        )
        if (last := parts.first()) is not None:
            connection.execute(
                sa.text("UPDATE plan_instalment SET agreed_minor = :was WHERE plan_id = :plan AND n = :n"),
                {"was": max(1, last[1] - int(interest)), "plan": plan_id, "n": last[0]},
            )


def _hash_again(old: Callable[[str], str], new: Callable[[str], str]) -> None:
    """Replace the hashes of numbers and addresses that are still on file, and strike out the others."""
    connection, after = op.get_bind(), 0
    query = sa.text(
        "SELECT c.id, c.channel, c.given_for, u.mobile, u.email FROM consent c JOIN customer u ON u.id = c.customer_id"
        " WHERE c.given_for NOT IN ('', 'none', :earlier) AND c.id > :after ORDER BY c.id LIMIT :chunk"
    )
    while found := connection.execute(query, {"after": after, "earlier": EARLIER, "chunk": CHUNK}).all():
        after = found[-1][0]
        changes = []
        for consent_id, channel, given_for, mobile, email in found:
            address = (email if channel == "email" else mobile).lower()
            value = new(address) if address and old(address) == given_for else EARLIER
            changes.append({"id": consent_id, "value": value})
        connection.execute(sa.text("UPDATE consent SET given_for = :value WHERE id = :id"), changes)


def _plain(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:32]


def _keyed(address: str) -> str:
    # The secret is the installation's, no code of ours that changes: a migration may read it.
    key = hmac.digest(get_settings().require_secret().encode(), b"arrears-desk consent", "sha256")
    return hmac.digest(key, address.encode(), "sha256").hex()[:32]
