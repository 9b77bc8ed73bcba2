"""The knowledge base: articles, their versions, words, uses, ratings, and searches that found nothing.

Revision ID: 0058
Revises: 0060
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime, sorted_text

revision = "0058"
down_revision = "0060"
branch_labels = None
depends_on = None

TOPICS = (
    "terms", "interest", "fees", "paying", "rights", "complaints", "disputes", "help", "genuine", "other",
)  # fmt: skip
WORDS = ("article_id", "language", "number", "title", "body", "sms", "keywords")
"""Columns of a version that never change once it was published."""


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _key(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))


def upgrade() -> None:
    _articles()
    _uses()
    _searches()
    _keep_published()


def _articles() -> None:
    op.create_table(
        "knowledge_article",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=True),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("topic", _enum("topic", *TOPICS), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.Column("retired_by", sa.String(length=120), nullable=False),
        sa.Column("retired_why", sa.String(length=300), nullable=False),
        _key("knowledge_article", "portfolio_id", "portfolio"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_article")),
    )
    for name, columns, condition in (
        ("general", ["code"], "portfolio_id IS NULL"),
        ("own", ["portfolio_id", "code"], "portfolio_id IS NOT NULL"),
    ):
        _unique("knowledge_article", name, columns, condition)
    op.create_table(
        "knowledge_version",
        sa.Column("id", BigId, nullable=False),
        sa.Column("article_id", BigId, nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "status", _enum("versionstatus", "draft", "published", "replaced", "retired"), nullable=False
        ),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sms", sa.String(length=400), nullable=False),
        sa.Column("keywords", sa.String(length=300), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.Column("written_by", sa.String(length=120), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("published_by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        _key("knowledge_version", "article_id", "knowledge_article"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_version")),
        sa.UniqueConstraint(
            "article_id", "language", "number", name=op.f("uq_knowledge_version_article_id_language_number")
        ),
    )
    for status in ("draft", "published"):
        _unique("knowledge_version", status, ["article_id", "language"], f"status = '{status}'")
    op.create_table(
        "knowledge_word",
        sa.Column("word", sorted_text(24), nullable=False),
        sa.Column("version_id", BigId, nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        _key("knowledge_word", "version_id", "knowledge_version"),
        sa.PrimaryKeyConstraint("word", "version_id", name=op.f("pk_knowledge_word")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_knowledge_word_version", "knowledge_word", ["version_id"])


def _uses() -> None:
    op.create_table(
        "knowledge_use",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("version_id", BigId, nullable=False),
        sa.Column("kind", _enum("usekind", "read_out", "sent"), nullable=False),
        sa.Column("channel", _enum("channel", "sms", "email", "post", "call"), nullable=False),
        sa.Column("contact_id", BigId, nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.CheckConstraint(
            "(kind = 'sent') = (contact_id IS NOT NULL)", name=op.f("ck_knowledge_use_sent_by_a_contact")
        ),
        _key("knowledge_use", "case_id", "collections_case"),
        _key("knowledge_use", "version_id", "knowledge_version"),
        _key("knowledge_use", "contact_id", "contact"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_use")),
        sa.UniqueConstraint("contact_id", name=op.f("uq_knowledge_use_contact_id")),
    )
    op.create_index("ix_knowledge_use_version", "knowledge_use", ["version_id", "at"])
    op.create_index("ix_knowledge_use_case", "knowledge_use", ["case_id"])
    op.create_table(
        "knowledge_rating",
        sa.Column("id", BigId, nullable=False),
        sa.Column("version_id", BigId, nullable=False),
        sa.Column("helped", sa.Boolean(), nullable=False),
        sa.Column("missing", sa.String(length=500), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        _key("knowledge_rating", "version_id", "knowledge_version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_rating")),
        sa.UniqueConstraint("version_id", "by", name=op.f("uq_knowledge_rating_version_id_by")),
    )


def _searches() -> None:
    op.create_table(
        "knowledge_miss",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("words", sa.String(length=80), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.String(length=120), nullable=False),
        sa.Column("article_id", BigId, nullable=True),
        sa.Column("why", sa.String(length=200), nullable=False),
        _key("knowledge_miss", "portfolio_id", "portfolio"),
        _key("knowledge_miss", "article_id", "knowledge_article"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_miss")),
        sa.UniqueConstraint(
            "portfolio_id", "language", "words", name=op.f("uq_knowledge_miss_portfolio_id_language_words")
        ),
    )


def _unique(table: str, name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        f"uq_{table}_{name}", table, columns, unique=True, sqlite_where=where, postgresql_where=where
    )


def _keep_published() -> None:
    """The words of a version that was published stay as they are, and it is no draft again."""
    listed = ", ".join(WORDS)
    if op.get_bind().dialect.name == "postgresql":
        for name, verb, condition in (
            ("words", f"UPDATE OF {listed}", "OLD.status <> 'draft'"),
            ("status", "UPDATE OF status", "OLD.status <> 'draft' AND NEW.status = 'draft'"),
            ("delete", "DELETE", "OLD.status <> 'draft'"),
        ):
            op.execute(
                f"CREATE TRIGGER knowledge_version_keeps_{name} BEFORE {verb} ON knowledge_version "
                f"FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse_change()"
            )
        return
    for name, verb, condition in (
        ("words", f"UPDATE OF {listed}", "OLD.status <> 'draft'"),
        ("status", "UPDATE OF status", "OLD.status <> 'draft' AND NEW.status = 'draft'"),
        ("delete", "DELETE", "OLD.status <> 'draft'"),
    ):
        op.execute(
            f"CREATE TRIGGER knowledge_version_keeps_{name} BEFORE {verb} ON knowledge_version "
            f"WHEN {condition} BEGIN SELECT RAISE(ABORT, 'a published version never changes'); END"
        )


def downgrade() -> None:
    for table in ("miss", "rating", "use", "word", "version", "article"):
        op.drop_table(f"knowledge_{table}")
