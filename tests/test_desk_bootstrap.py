"""desk.py before there is an environment, and the files a newcomer starts from. Nothing here is installed."""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import ModuleType

import pytest

from app.core.settings import ROOT, Settings


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """desk.py, living in a folder of its own with requirements of its own."""
    spec = importlib.util.spec_from_file_location("desk", ROOT / "desk.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("VENV", "PYTHON", "COMMAND", "STAMP", "UNFINISHED", "LOCK"):
        monkeypatch.setattr(module, name, str(tmp_path / Path(getattr(module, name)).relative_to(ROOT)))
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/app.txt").write_text("one==1 \\\n    --hash=sha256:aa\n")
    (tmp_path / "requirements/dev.txt").write_text("one==1 \\\n    --hash=sha256:aa\ntwo==2\n")
    return module


@pytest.fixture
def installs(desk: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What prepare() would have installed, by file name; the environment itself is made for real."""
    names: list[str] = []
    monkeypatch.setattr(desk, "install", lambda path: names.append(Path(path).name))
    return names


# --- which Python ---------------------------------------------------------------------------------


def test_the_syntax_is_old_enough_for_an_old_python_to_read_the_refusal() -> None:
    ast.parse((ROOT / "desk.py").read_text(), feature_version=(3, 8))


def test_only_the_standard_library_is_imported() -> None:
    tree = ast.parse((ROOT / "desk.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 13, 2), (4, 0, 0)])
def test_a_new_enough_python_is_accepted(desk: ModuleType, version: tuple[int, ...]) -> None:
    desk.check_python(version)


def test_an_old_python_is_refused_and_a_newer_one_named(
    desk: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.shutil, "which", lambda name: f"/opt/{name}" if name == "python3.12" else None)
    monkeypatch.setattr(desk, "output_of", lambda command: "Python 3.12.1")

    with pytest.raises(
        desk.Stop, match=r"3\.11 or newer is needed, this is 3\.10.*/opt/python3\.12 desk\.py"
    ):
        desk.check_python((3, 10, 13))


# --- preparing once -------------------------------------------------------------------------------


def test_the_second_start_does_nothing(desk: ModuleType, installs: list[str]) -> None:
    desk.prepare("app")
    desk.prepare("app")

    assert installs == ["app.txt"]
    assert (
        subprocess.check_output([desk.PYTHON, "-c", "import sys; print(sys.prefix)"], text=True).strip()
        == desk.VENV
    )


def test_a_developers_environment_serves_the_app_too_but_not_the_other_way(
    desk: ModuleType, installs: list[str]
) -> None:
    desk.prepare("app")
    desk.prepare("dev")
    desk.prepare("app")

    assert installs == ["app.txt", "dev.txt"]


def test_a_changed_pin_is_installed_into_the_same_environment(
    desk: ModuleType, installs: list[str], tmp_path: Path
) -> None:
    desk.prepare("app")
    (tmp_path / ".venv/kept").touch()
    (tmp_path / "requirements/app.txt").write_text("one==2\n")

    desk.prepare("app")

    assert installs == ["app.txt", "app.txt"]
    assert (tmp_path / ".venv/kept").exists()


def test_an_interrupted_installation_is_begun_again_from_nothing(
    desk: ModuleType, installs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: str) -> None:
        (tmp_path / ".venv/half-a-package").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(desk, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk.prepare("app")

    desk.prepare("app")

    assert installs == ["app.txt"]
    assert not (tmp_path / ".venv/half-a-package").exists()


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param(["bin/python"], id="the interpreter is gone"),
        pytest.param(["desk-stamp.json"], id="nothing says what is installed"),
        pytest.param(["desk-stamp.json", "pyvenv.cfg"], id="not an environment at all"),
    ],
)
def test_a_damaged_environment_is_repaired(
    desk: ModuleType, installs: list[str], tmp_path: Path, lost: list[str]
) -> None:
    desk.prepare("app")
    for name in lost:
        (tmp_path / ".venv" / name).unlink()

    desk.prepare("app")

    assert installs == ["app.txt", "app.txt"]
    assert desk.venv_works()


def test_an_unreadable_stamp_counts_as_none(desk: ModuleType, installs: list[str]) -> None:
    desk.prepare("app")
    Path(desk.STAMP).write_text("{")

    desk.prepare("app")

    assert installs == ["app.txt", "app.txt"]


def test_an_environment_of_another_python_is_made_anew(
    desk: ModuleType, installs: list[str], tmp_path: Path
) -> None:
    desk.prepare("app")
    stamp = json.loads(Path(desk.STAMP).read_text())
    Path(desk.STAMP).write_text(json.dumps({**stamp, "python": "3.10"}))

    desk.prepare("app")

    assert installs == ["app.txt", "app.txt"]


def test_two_first_starts_at_once_install_once(
    desk: ModuleType, installs: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    starts = [threading.Thread(target=desk.prepare, args=("app",)) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()

    assert installs == ["app.txt"]
    assert capfd.readouterr().out == ""


# --- choosing an installer ------------------------------------------------------------------------


def installers(
    desk: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    *,
    uv: bool = False,
    works: dict[str, str] | None = None,
) -> list[tuple[str, list[str]]]:
    """What desk.py would try in order, on a machine where only the commands of `works` succeed."""
    answers = works or {}

    def output_of(command: list[str]) -> str | None:
        text = " ".join(command).replace(desk.PYTHON, "VENV").replace(sys.executable, "BASE")
        return next((answer for start, answer in answers.items() if text.startswith(start)), None)

    monkeypatch.setattr(desk, "output_of", output_of)
    monkeypatch.setattr(desk.shutil, "which", lambda name: "/bin/uv" if uv and name == "uv" else None)
    return list(desk.installers())


def test_uv_comes_first_and_pip_is_its_understudy(desk: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    found = installers(desk, monkeypatch, uv=True, works={"/bin/uv": "uv 0.9", "VENV -m ensurepip": ""})

    assert [name for name, _ in found] == ["uv", "pip"]
    assert found[0][1][:3] == ["/bin/uv", "pip", "install"]


def test_without_uv_the_environment_gets_its_own_pip(
    desk: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(name, command)] = installers(desk, monkeypatch, works={"VENV -m ensurepip": ""})

    assert (name, command[:4]) == ("pip", [desk.PYTHON, "-m", "pip", "install"])


def test_without_ensurepip_the_pip_of_the_system_installs(
    desk: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(name, command)] = installers(
        desk, monkeypatch, works={"BASE -m pip --version": "pip 23.0.1 from /usr/lib"}
    )

    assert (name, command[:6]) == ("pip", [sys.executable, "-m", "pip", "--python", desk.PYTHON, "install"])


@pytest.mark.parametrize("works", [{}, {"BASE -m pip --version": "pip 20.3.4 from /usr/lib"}])
def test_with_nothing_to_install_with_the_package_to_get_is_named(
    desk: ModuleType, monkeypatch: pytest.MonkeyPatch, works: dict[str, str]
) -> None:
    with pytest.raises(desk.Stop, match="apt install python3-venv"):
        installers(desk, monkeypatch, works=works)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("pip 23.0.1 from /x", (23, 0)),
        ("pip 26.1 from /x", (26, 1)),
        ("pip weird", (0,)),
        ("", (0,)),
        (None, (0,)),
    ],
)
def test_pip_version(desk: ModuleType, text: str | None, version: tuple[int, ...]) -> None:
    assert desk.pip_version(text) == version


def test_every_installer_failing_is_said_and_leaves_no_stamp(
    desk: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(desk, "installers", lambda: iter([("pip", ["/bin/false"])]))

    assert desk.main(["demo"]) == 1

    assert "installing 1 packages with pip" in capsys.readouterr().err
    assert not desk.is_ready("app")


# --- handing over ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([], ["-n", "3", "--dist=worksteal"]),
        (["tests/ledger"], ["-n", "3", "--dist=worksteal", "tests/ledger"]),
        (["-n0", "-x"], ["-n0", "-x"]),
        (["--numprocesses=8"], ["--numprocesses=8"]),
        (["--pdb"], ["--pdb"]),
    ],
)
def test_tests_run_on_a_worker_more_than_cores_unless_told_otherwise(
    desk: ModuleType, monkeypatch: pytest.MonkeyPatch, given: list[str], passed: list[str]
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert desk.pytest_arguments(given, {}) == passed


def test_app_is_importable_wherever_the_person_is(desk: ModuleType) -> None:
    assert desk.environment_of({})["PYTHONPATH"] == desk.ROOT
    assert desk.environment_of({"PYTHONPATH": "/x"})["PYTHONPATH"] == f"{desk.ROOT}{os.pathsep}/x"


@pytest.mark.usefixtures("installs")
def test_the_verb_becomes_this_process(desk: ModuleType, tmp_path: Path) -> None:
    """Exit code, standard input, output and the working folder are the verb's own."""
    desk.prepare("app")
    (tmp_path / "app/programs").mkdir(parents=True)
    (tmp_path / "app/__init__.py").touch()
    (tmp_path / "app/programs/__init__.py").touch()
    (tmp_path / "app/programs/__main__.py").write_text(
        textwrap.dedent("""
            import os, sys
            print(sys.argv[1:], sys.stdin.read(), os.getpid())
            sys.exit(3)
        """)
    )
    (tmp_path / "desk.py").write_text((ROOT / "desk.py").read_text())
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "app/programs").mkdir(parents=True)  # a stranger's folder of the same name must not win
    (elsewhere / "app/programs/__main__.py").write_text("raise SystemExit('wrong app')")

    started = subprocess.Popen(
        [sys.executable, str(tmp_path / "desk.py"), "feed", "load", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=elsewhere,
        text=True,
    )
    out, err = started.communicate("rows", timeout=60)

    assert (started.returncode, out, err) == (3, f"['feed', 'load', '-'] rows {started.pid}\n", "")


def test_without_a_verb_the_usage_is_shown(desk: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.main([]) == 2
    assert "desk.py VERB" in capsys.readouterr().out


# --- what a newcomer copies -----------------------------------------------------------------------


def example_lines() -> list[tuple[str, str, bool]]:
    """(name, value, commented out) of every DESK_* in .env.example."""
    text = (ROOT / ".env.example").read_text()
    found = re.findall(r"^(# )?(DESK_[A-Z_]+)=(.*)$", text, flags=re.MULTILINE)
    return [(name, value, bool(commented)) for commented, name, value in found]


def test_env_example_names_every_setting_once() -> None:
    assert sorted(name for name, _, _ in example_lines()) == sorted(
        f"DESK_{field.upper()}" for field in Settings.model_fields
    )


def test_env_example_shows_the_defaults() -> None:
    from_example = Settings(_env_file=ROOT / ".env.example")  # type: ignore[call-arg]
    defaults = Settings()

    for name, _, commented in example_lines():
        if not commented:
            field = name.removeprefix("DESK_").lower()
            assert getattr(from_example, field) == getattr(defaults, field), name


def test_no_setting_of_a_developer_reaches_a_test() -> None:
    assert [
        name for name in os.environ if name.startswith("DESK_") and not name.startswith("DESK_TEST_")
    ] == []


def test_pins_carry_hashes_and_developers_get_what_the_service_gets() -> None:
    """Names no index either: where packages come from is the machine's business."""
    pins = {}
    for kind in ("app", "dev"):
        text = (ROOT / "requirements" / f"{kind}.txt").read_text()
        blocks = re.split(r"\n(?=[a-z0-9])", text)[1:]
        assert all("--hash=sha256:" in block for block in blocks)
        assert "://" not in text
        pins[kind] = {block.split(" ", 1)[0] for block in blocks}

    assert pins["app"] <= pins["dev"]
