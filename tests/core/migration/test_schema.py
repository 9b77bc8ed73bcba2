"""The migrations lead to what the models say, on both databases, and back."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from app.core.database.engine import make_engine
from app.core.errors import Conflict
from app.core.migration import schema
from app.core.migration.revisions import known_revisions, why_unfit
from tests import postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database in which nothing has ever been created."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{request.getfixturevalue('tmp_path')}/empty.db")
        yield engine
        engine.dispose()
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    name = server.create(migrated=False)
    engine = make_engine(server.url(name))
    yield engine
    engine.dispose()
    server.drop(name)


def tables(engine: Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}


def test_upgrade_from_nothing_makes_every_table_of_the_models(empty_engine: Engine) -> None:
    assert why_unfit(empty_engine)

    schema.upgrade(empty_engine)

    assert why_unfit(empty_engine) is None
    assert tables(empty_engine) == set(schema.metadata().tables)


def test_models_and_migrations_do_not_drift(engine: Engine) -> None:
    assert schema.check(engine) == []


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    schema.upgrade(engine)

    assert schema.check(engine) == []


def test_down_to_nothing_and_up_again(engine: Engine) -> None:
    schema.downgrade(engine, "base")
    assert tables(engine) == set()

    schema.upgrade(engine)
    assert schema.check(engine) == []


def test_a_database_of_an_unknown_version_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0141'")

    with pytest.raises(Conflict, match="schema 0141, which this version of Arrears Desk does not know"):
        schema.upgrade(engine)
    assert "schema 0141, which this version" in (why_unfit(engine) or "")


def test_the_first_schema_of_a_version_before_the_first_release_is_not_ours(empty_engine: Engine) -> None:
    """Its revision is called 0001 as ours is."""
    with empty_engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")

    with pytest.raises(Conflict, match="schema 0001, which this version of Arrears Desk does not know"):
        schema.upgrade(empty_engine)
    assert "schema 0001, which this version" in (why_unfit(empty_engine) or "")


def test_drift_is_noticed(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE left_over (id INTEGER PRIMARY KEY)")

    assert "left_over" in str(schema.check(engine))


@pytest.mark.parametrize("statement", ["UPDATE timeline_event SET seq = 2", "DELETE FROM timeline_event"])
def test_history_cannot_be_edited(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            'INSERT INTO timeline_event (stream, seq, kind, at, "by", data, prev_hash, hash)'
            " VALUES ('portfolio:1', 1, 'portfolio.added', '2026-01-01 00:00:00+00', 'system', '{}', '', '')"
        )

    with pytest.raises(sa.exc.DBAPIError, match=r"append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("country", "region", "postcode", "kind"),
    [
        ("CA", "ON", "", "collection_notice_on"),
        ("CA", " Ontario", "", "collection_notice_on"),
        ("CA", "", "k1a 0b1", "collection_notice_on"),
        ("CA", "Québec", "", "collection_notice_qc"),
        ("CA", "", "H2X 1Y4", "collection_notice_qc"),
        ("CA", "BC", "V5K 0A1", "other"),
        ("CA", "", "", "other"),
        ("DE", "ON", "", "collection_notice_de"),
    ],
)
def test_a_notice_on_file_is_of_its_place(country: str, region: str, postcode: str, kind: str) -> None:
    module = ScriptDirectory.from_config(schema.make_config()).get_revision("0085").module
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE customer (id INTEGER, country TEXT, region TEXT, postcode TEXT)"
        )
        row = {"id": 1, "country": country, "region": region, "postcode": postcode}
        connection.execute(sa.insert(module.CUSTOMER), row)
        places = sa.case(*((there, place) for place, there in module.PLACES))
        assert connection.scalar(sa.select(places).select_from(module.CUSTOMER)) == kind


def test_the_revisions_read_as_text_are_those_that_alembic_runs() -> None:
    scripts = ScriptDirectory.from_config(schema.make_config()).walk_revisions()
    assert dict(known_revisions()) == {each.revision: each.down_revision for each in scripts}
