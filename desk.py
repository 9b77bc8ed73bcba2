#!/usr/bin/env python3
"""Arrears Desk from a fresh clone: `python3 desk.py demo`, `python3 desk.py test`, or any verb of the command line.

Standard library only. Makes `.venv` beside this file, installs the pinned requirements into it (again only when
they change) and hands over to it. The syntax stays old so that an old Python gets a sentence, not a traceback.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

MINIMUM = (3, 11)
ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
COMMAND = os.path.join(VENV, "bin", "desk")
STAMP = os.path.join(VENV, "desk-stamp.json")
UNFINISHED = os.path.join(VENV, "desk-unfinished")
"""There while packages are being installed: a killed installation may have left half a package."""
LOCK = os.path.join(ROOT, "var", "bootstrap.lock")

DEVELOPER_VERBS = ("test", "lint", "bench")
OWN_PIP = (22, 3)
"""The first pip that can install into another environment (`pip --python`)."""

LAUNCHER = """#!/bin/sh
# Made by desk.py: the command `desk` of this checkout.
here=$(dirname "$(readlink -f "$0")")
PYTHONPATH="$here/../..${PYTHONPATH:+:$PYTHONPATH}" exec "$here/python" -P -m app.programs "$@"
"""

USAGE = """usage: python3 desk.py VERB ...

  demo          try it: sample data on SQLite, web and worker on http://127.0.0.1:8000
  test [...]    the whole test suite; arguments go to pytest
  lint          ruff, mypy, the import contracts and the checks of the house
  bench NAME    bench/NAME.py; without a name, the list
  install       make .venv with the command `desk` in .venv/bin, and nothing else
  VERB ...      any verb of `desk`; `python3 desk.py --help` lists them
"""


class Stop(Exception):
    """What keeps us from starting, in words for the person at the terminal."""


def main(arguments):
    if not arguments or arguments[0] in ("help", "-h"):
        print(USAGE, end="")
        return 0 if arguments else 2
    try:
        check_python(sys.version_info)
        prepare("dev" if arguments[0] in DEVELOPER_VERBS else "app")
    except Stop as stop:
        say(str(stop))
        return 1
    except OSError as error:
        say(f"cannot prepare {VENV}: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next start begins again")
        return 130
    verb, rest = arguments[0], arguments[1:]
    if verb == "install":
        say("the command is " + COMMAND)
        return 0
    if verb == "lint":
        return lint(rest)
    if verb == "test":
        hand_over(["-m", "pytest"] + pytest_arguments(rest, os.environ), folder=ROOT)
    if verb == "bench":
        hand_over(bench_arguments(rest), folder=ROOT)
    hand_over(["-P", "-m", "app.programs"] + arguments)
    return 1


def say(text):
    """Everything we say goes to standard error: standard output belongs to the verb."""
    sys.stderr.write("desk: " + text + "\n")
    sys.stderr.flush()


# --- is this machine fit ----------------------------------------------------------------------------


def check_python(version):
    if os.name != "posix":
        raise Stop("Arrears Desk runs on Linux and macOS; on Windows use WSL.")
    if tuple(version[:2]) >= MINIMUM:
        return
    text = "Python {}.{} or newer is needed, this is {}.{}.".format(*MINIMUM, *version[:2])
    for minor in range(20, MINIMUM[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer and output_of([newer, "--version"]) is not None:
            raise Stop(f"{text} You have one: {newer} desk.py ...")
    raise Stop(text)


# --- the environment --------------------------------------------------------------------------------


def prepare(kind):
    """Make sure .venv holds the requirements of `kind` (app or dev, which includes app) and the command `desk`."""
    if is_ready(kind):
        write_launcher()
        return
    started = time.time()
    with locked(LOCK):
        if is_ready(kind):  # another start did it while we waited
            return
        if os.path.exists(UNFINISHED) or not venv_works():
            say(f"making .venv with Python {python_version()}")
            make_venv()
        open(UNFINISHED, "w").close()
        install(os.path.join(ROOT, "requirements", kind + ".txt"))
        write_launcher()
        write_stamp(kind)
        os.remove(UNFINISHED)
    say(f"ready after {time.time() - started:.0f} s")


def is_ready(kind):
    """Whether the stamp is that of today's requirements; dev satisfies app as long as app's did not change."""
    stamp = read_stamp()
    same = all(stamp.get(name) == value for name, value in stamp_of(kind).items())
    return same and os.path.exists(PYTHON) and not os.path.exists(UNFINISHED)


def stamp_of(kind):
    """What identifies an installation: the Python it was made with and the exact text of the requirements."""
    stamp = {"python": python_version(), "app": fingerprint("app")}
    if kind == "dev":
        stamp["dev"] = fingerprint("dev")
    return stamp


def fingerprint(kind):
    with open(os.path.join(ROOT, "requirements", kind + ".txt"), "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def python_version():
    """Packages are installed for a minor version, so a patch release of Python changes nothing."""
    return "{}.{}".format(*sys.version_info)


def read_stamp():
    try:
        with open(STAMP) as handle:
            stamp = json.load(handle)
        return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def write_stamp(kind):
    """Says what is installed; written last, so an interrupted installation is done again."""
    with open(STAMP + ".new", "w") as handle:
        json.dump(stamp_of(kind), handle)
    os.replace(STAMP + ".new", STAMP)


def write_launcher():
    """The command `desk`, beside the Python that it runs; written whole or not at all."""
    with contextlib.suppress(OSError), open(COMMAND) as handle:
        if handle.read() == LAUNCHER:
            return
    with open(COMMAND + ".new", "w") as handle:
        handle.write(LAUNCHER)
    os.chmod(COMMAND + ".new", 0o755)  # noqa: S103 - a program, for whoever may read the checkout
    os.replace(COMMAND + ".new", COMMAND)


def venv_works():
    """Whether .venv can be installed into: it runs, and it is of the Python that runs us."""
    probe = "import sys; print('{}.{}'.format(*sys.version_info) if sys.prefix != sys.base_prefix else '')"
    found = output_of([PYTHON, "-c", probe])
    return found is not None and found.strip() == python_version()


def make_venv():
    # Without pip: that is quicker, works where Debian has split ensurepip off, and uv needs none.
    try:
        import venv
    except ImportError:
        raise Stop("this Python has no venv module; install it first: apt install python3-venv") from None
    try:
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=False, prompt="desk").create(VENV)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Stop(f"cannot make {VENV}: {error}") from None


# --- installing -------------------------------------------------------------------------------------


def install(requirements):
    """Install exactly what `requirements` pins, every file checked against its hash."""
    with open(requirements) as handle:
        count = sum(1 for line in handle if "==" in line and not line.startswith((" ", "#")))
    for name, command in installers():
        say(f"installing {count} packages with {name}{'' if name == 'uv' else ', a minute or two'}")
        environment = dict(os.environ)
        environment.setdefault("UV_SYSTEM_CERTS", "1")  # behind a proxy with its own certificate
        if subprocess.call(command + ["--require-hashes", "-r", requirements], env=environment) == 0:
            return
        say(f"{name} did not succeed")
    raise Stop("the packages could not be installed; what went wrong is above. It is safe to try again.")


def installers():
    """Ways to install into .venv, the best first; the next one is only asked for when one fails."""
    uv = shutil.which("uv")
    if uv and output_of([uv, "--version"]) is not None:
        yield "uv", [uv, "pip", "install", "--quiet", "--python", PYTHON]
    # -qq: errors only. Byte code is left to the first import, which compiles what is used, not everything.
    options = ["install", "-qq", "--no-compile", "--disable-pip-version-check", "--no-input"]
    options += ["--progress-bar", "off"]
    if any(output_of([PYTHON, "-m", *way]) is not None for way in (["pip", "--version"], ["ensurepip"])):
        yield "pip", [PYTHON, "-m", "pip"] + options
    elif pip_version(output_of([sys.executable, "-m", "pip", "--version"])) >= OWN_PIP:
        yield "pip", [sys.executable, "-m", "pip", "--python", PYTHON] + options
    elif not uv:
        raise Stop(
            "this Python has neither ensurepip nor pip. Install one of them and try again:\n"
            "  Debian, Ubuntu:  apt install python3-venv\n"
            "  Fedora:          dnf install python3-pip\n"
            "  or uv, from any source you trust"
        )


def pip_version(text):
    """(23, 0) from "pip 23.0.1 from ..."; (0,) when there is none."""
    words = (text or "").split()
    try:
        return tuple(int(part) for part in words[1].split(".")[:2])
    except (IndexError, ValueError):
        return (0,)


def output_of(command):
    """Standard output of `command`, or None when it cannot be run or fails."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
    except OSError:
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


@contextlib.contextmanager
def locked(path):
    """Hold a lock on `path`; the system lets go of it however we end."""
    import fcntl

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another start is installing; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


# --- handing over -----------------------------------------------------------------------------------


def environment_of(environment):
    """The environment of what we start: `app` is importable from whatever folder the person is in."""
    path = environment.get("PYTHONPATH")
    return dict(environment, PYTHONPATH=ROOT + (os.pathsep + path if path else ""))


def hand_over(arguments, folder=None):
    """Become the environment's Python: its exit code, its signals and its terminal are then simply ours."""
    if folder:
        os.chdir(folder)
    sys.stdout.flush()
    os.execve(PYTHON, [PYTHON] + arguments, environment_of(os.environ))  # noqa: S606


def pytest_arguments(arguments, environment):
    """A worker more than there are cores, for tests also wait (for disks, browsers, killed processes); unless the call
    says otherwise or wants to talk to a debugger. Each worker begins with its own modules, whose fixtures it makes
    once, and takes tests of another when it has none left."""
    own = ("-n", "--numprocesses", "--pdb", "--trace", "--co", "--collect-only", "no:xdist")
    if any(argument.startswith(own) for argument in arguments):
        return arguments
    workers = min((os.cpu_count() or 1) + 1, 6)
    return ["-n", environment.get("DESK_TEST_WORKERS", str(workers)), "--dist=worksteal"] + arguments


def bench_arguments(arguments):
    folder = os.path.join(ROOT, "bench")
    files = os.listdir(folder) if os.path.isdir(folder) else []
    names = sorted(name[:-3] for name in files if name.endswith(".py") and name[0] != "_")
    if not arguments or arguments[0] not in names:
        say("bench NAME, one of: " + ", ".join(names))
        sys.exit(2)
    return [os.path.join(folder, arguments[0] + ".py")] + arguments[1:]


LINTERS = (
    ("ruff check", ["-m", "ruff", "check", "."]),
    ("ruff format", ["-m", "ruff", "format", "--check", "."]),
    ("mypy", ["-m", "mypy"]),
    ("import contracts", ["-c", "from importlinter.cli import lint_imports_command as run; run()"]),
    ("the house", ["-m", "tests.house"]),
)


def lint(arguments):
    """Every check, even after one has failed; 0 only when all pass."""
    if arguments:
        say("lint takes no arguments")
        return 2
    failed = []
    for name, command in LINTERS:
        say(name)
        try:
            if subprocess.call([PYTHON] + command, cwd=ROOT, env=environment_of(os.environ)) != 0:
                failed.append(name)
        except KeyboardInterrupt:
            return 130
    say("lint failed: " + ", ".join(failed) if failed else "lint passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
