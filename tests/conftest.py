"""Fixtures of all tests: a fresh migrated database on either engine, a browser, a free port.

`engine` (and `database_url`) is parametrised: a test that takes it runs on SQLite and on PostgreSQL.
A missing PostgreSQL or browser skips the test and says how to get one, unless DESK_TEST_REQUIRE lists it.
"""

from __future__ import annotations

import gc
import os
import shutil
import socket
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `pytest` alone finds `app` too

# Byte code is written for the workers and the processes of tests, whatever the shell says: without it each of them
# compiles every module again, which takes longer than most tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Before `app` is imported: no developer's settings reach a test or its processes.
for _name in [name for name in os.environ if name.startswith("DESK_") and not name.startswith("DESK_TEST_")]:
    del os.environ[_name]

import pytest  # noqa: E402
import sqlalchemy as sa  # noqa: E402
import structlog  # noqa: E402
from hypothesis import HealthCheck  # noqa: E402
from hypothesis import settings as hypothesis_settings  # noqa: E402
from sqlalchemy.engine import Engine  # noqa: E402

from app.core.database.engine import make_engine  # noqa: E402
from app.core.migration import schema  # noqa: E402
from app.core.settings import Settings, get_settings  # noqa: E402
from app.policy.composition import use_providers  # noqa: E402
from app.programs import ports  # noqa: E402
from tests import postgres  # noqa: E402
from tests.databases import Shelf, sharing  # noqa: E402
from tests.letters import letters  # noqa: E402

if TYPE_CHECKING:
    from tests.api.program import Program
    from tests.web.desk import Desk

Settings.model_config["env_file"] = None

REQUIRED = {name.strip() for name in os.environ.get("DESK_TEST_REQUIRE", "").split(",") if name.strip()}
IN_CI = bool(REQUIRED or os.environ.get("CI"))

hypothesis_settings.register_profile(
    "ci", deadline=None, derandomize=True, database=None, print_blob=True, max_examples=50
)
hypothesis_settings.register_profile(
    "local", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("ci" if IN_CI else "local")


@pytest.fixture(autouse=True)
def _no_provider() -> Iterator[None]:
    """A test that names Twilio as its provider does not name it for the next one."""
    yield
    use_providers()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "postgres: runs on PostgreSQL (`-m 'not postgres'` leaves it out)")
    config.addinivalue_line("markers", "browser: drives a real Chromium (`-m 'not browser'` leaves it out)")
    unknown = REQUIRED - {"postgres", "browser"}
    if unknown:
        raise pytest.UsageError(
            f"DESK_TEST_REQUIRE knows postgres and browser, not {', '.join(sorted(unknown))}"
        )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector of garbage away from modules and tests, half a million objects that stay: it went through them
    again and again, for a fifth of the time of collecting tests and a fifteenth of running them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"chromium", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("browser")


def pytest_sessionfinish() -> None:
    if "tests.web.desk" in sys.modules:
        sys.modules["tests.web.desk"].close_portal()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    seed = config.getoption("randomly_seed", None)
    if isinstance(seed, int):
        terminalreporter.write_line(f"test order: -p randomly --randomly-seed={seed}")


def missing(what: str, why: str) -> NoReturn:
    """Skip the test because `what` is missing, or fail if the run requires it."""
    if what in REQUIRED:
        pytest.fail(f"DESK_TEST_REQUIRE asks for {what}: {why}", pytrace=False)
    pytest.skip(why)


# --- databases ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def run_id(request: pytest.FixtureRequest) -> str:
    """Name of the run, the same in each xdist worker."""
    worker: dict[str, str] = getattr(request.config, "workerinput", {})
    return worker.get("testrunuid", uuid4().hex)


@pytest.fixture(scope="session")
def postgres_server(run_id: str) -> Iterator[postgres.Server]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres.running(run_id, worker, _migrate))
        except postgres.Unavailable as error:
            missing("postgres", str(error))
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    engine = make_engine(url)
    schema.upgrade(engine)
    engine.dispose()  # closing the last connection also merges SQLite's log into the file


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> Iterator[str]:
    """URL of a fresh migrated SQLite database for this test."""
    folder = sqlite_template.parent
    path = folder / f"{len(list(folder.iterdir()))}-{os.urandom(4).hex()}" / "desk.db"
    path.parent.mkdir()
    shutil.copyfile(sqlite_template, path)
    yield f"sqlite:///{path}"
    shutil.rmtree(path.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_shelf(postgres_server: postgres.Server) -> Iterator[Shelf]:
    shelf = Shelf(postgres_server)
    yield shelf
    shelf.close()


@pytest.fixture
def postgres_url(postgres_shelf: Shelf) -> Iterator[str]:
    """URL of a migrated PostgreSQL database without rows for this test."""
    with postgres_shelf.database() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of the database behind `engine`, for tests that start real processes."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Restore the log, because commands send it to the standard error of their test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def engine(request: pytest.FixtureRequest, database_url: str) -> Engine:
    """Engine of a fresh migrated database; the test runs on SQLite and on PostgreSQL."""
    of_kind = "sqlite_engine" if database_url.startswith("sqlite") else "postgres_engine"
    found: Engine = request.getfixturevalue(of_kind)
    return found


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """Engine on SQLite only, for tests that do not depend on the database or are about SQLite."""
    engine = sharing(make_engine(sqlite_url))

    @sa.event.listens_for(engine, "connect")
    def _carefree(connection: sa.PoolProxiedConnection, _record: object) -> None:
        connection.cursor().execute("PRAGMA synchronous=OFF")  # the file is deleted with the test

    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_url: str, postgres_shelf: Shelf) -> Engine:
    """Engine on PostgreSQL only, for tests that are about PostgreSQL."""
    return postgres_shelf.engine(postgres_url)


# --- settings, processes, ports -------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _letters_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands that run in this process, and processes forked off it, find the letters read."""
    monkeypatch.setattr(ports, "load_letters", letters)


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def process_env(tmp_path: Path) -> dict[str, str]:
    """Environment of a process of the product: start it with `cwd=tmp_path`, without .env, and with its own DESK_*."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DESK_")}
    return {**clean, "PYTHONPATH": str(ROOT), "DESK_ENV_FILE": os.devnull}


@pytest.fixture
def free_port() -> int:
    """Loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- browser --------------------------------------------------------------------------------------

CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium."""
    candidates = [os.environ.get("DESK_TEST_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    for candidate in filter(None, candidates):
        if path := shutil.which(candidate):
            return path
    missing("browser", "no Chromium here: `apt install chromium`, or set DESK_TEST_CHROMIUM to its path")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[object]:
    """Playwright `Browser`; open pages by `browser.new_page()`.

    The scope is the module: playwright keeps an event loop in this thread, which blocks `asyncio.run` elsewhere.
    """
    from playwright.sync_api import sync_playwright

    flags = [*CHROMIUM_FLAGS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield running
        running.close()


# --- the web application ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _quick_hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use argon2 at its smallest cost, because no test measures its time."""
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    from app.core.staff import service

    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(service, "hasher", quick)
    service._dummy_hash.cache_clear()
    yield
    service._dummy_hash.cache_clear()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """Web application, on both databases."""
    from tests.web.desk import Desk

    return Desk(engine)


@pytest.fixture
def sqlite_desk(sqlite_engine: Engine) -> Desk:
    """Web application on SQLite only."""
    from tests.web.desk import Desk

    return Desk(sqlite_engine)


@pytest.fixture
def program(engine: Engine) -> Program:
    """API client with a manager's token, on both databases."""
    from tests.api.program import Program
    from tests.web.desk import Desk

    return Program(Desk(engine))


@pytest.fixture
def sqlite_program(sqlite_engine: Engine) -> Program:
    """API client with a manager's token, on SQLite only."""
    from tests.api.program import Program
    from tests.web.desk import Desk

    return Program(Desk(sqlite_engine))
