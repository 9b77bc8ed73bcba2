"""Run by alembic for every command. `app.core.migration.schema` hands over a connection, the command line opens one."""

from collections.abc import Iterable
from typing import Any

from alembic import context
from alembic.migration import MigrationContext
from alembic.operations.ops import MigrationScript
from alembic.script import ScriptDirectory

from app.core.database.engine import make_engine
from app.core.migration.schema import options
from app.core.settings import get_settings


def number_revision(
    _migration: MigrationContext, _revision: str | Iterable[str | None], directives: list[MigrationScript]
) -> None:
    """Name a new migration by the next number, and make none at all when nothing changed.

    Two branches that add the same number meet as a conflict in git, which is where it should be noticed.
    """
    [script] = directives
    if (
        getattr(context.config.cmd_opts, "autogenerate", False)
        and script.upgrade_ops
        and script.upgrade_ops.is_empty()
    ):
        directives.clear()
        return
    known = ScriptDirectory.from_config(context.config).walk_revisions()
    script.rev_id = f"{max((int(r.revision) for r in known), default=0) + 1:04d}"


def run(connection: Any) -> None:
    context.configure(connection=connection, process_revision_directives=number_revision, **options())
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations are run, not printed: --sql is not supported.")

given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = make_engine(get_settings().database_url)
    with engine.connect() as opened:
        run(opened)
        opened.commit()
    engine.dispose()
