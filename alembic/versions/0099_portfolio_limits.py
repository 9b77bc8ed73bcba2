"""portfolio limits

Revision ID: 0099
Revises: 0098
"""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None

NEW_KINDS = {"portfolio.limits_set"}


def admit(change: Callable[[set[str]], set[str]]) -> None:
    """Change the kinds the timeline takes; SQLite copies the table for it, so its triggers are made again."""
    checks = sa.inspect(op.get_bind()).get_check_constraints("timeline_event")
    [text] = [check["sqltext"] for check in checks if check["name"] == "ck_timeline_event_kind"]
    listed = ", ".join(f"'{kind}'" for kind in sorted(change(set(re.findall(r"'([a-z_.]+)'", text)))))
    with op.batch_alter_table("timeline_event", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_timeline_event_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_timeline_event_kind"), f"kind IN ({listed})")
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER timeline_event_no_{verb.lower()} BEFORE {verb} ON timeline_event "
                "BEGIN SELECT RAISE(ABORT, 'timeline_event is append-only'); END"
            )


def upgrade() -> None:
    admit(lambda kinds: kinds | NEW_KINDS)


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kind exist: history is not thrown away."""
    admit(lambda kinds: kinds - NEW_KINDS)
