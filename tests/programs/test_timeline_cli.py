"""`desk timeline` and the time stamp of `desk bundle verify`, as a stranger would use them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.adapters.time_authority import HttpTimeAuthority
from app.core.clock import FixedClock
from app.core.database.engine import make_engine, transaction
from app.core.settings import Settings
from app.legal.bundle.build import build, public_key_pem
from app.legal.bundle.models import Bundle
from app.legal.timestamps.service import tag_manifest_of
from app.programs.ports import make_ports
from app.programs.worker import Worker
from tests import builders
from tests.legal.builders import KEY, case_file, no_page
from tests.legal.timestamps.authority import make_authority, reply, serving
from tests.programs.test_cli import Desk, desk

__all__ = ["desk"]

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address and roots of an authority that answers."""
    roots = make_authority(tmp_path / "tsa")
    with serving(lambda query: (200, reply(tmp_path / "tsa", query))) as (url, _):
        yield url, roots


def test_the_worker_has_days_stamped_and_openssl_believes_them(
    desk: Desk, sqlite_url: str, authority: tuple[str, Path], tmp_path: Path
) -> None:
    url, roots = authority
    assert desk("timeline", "days", "--json").json == {"days": []}
    settings = Settings(database_url=sqlite_url, secret_key="s" * 40, tsa_url=url, tsa_roots=roots)  # type: ignore[arg-type]
    engine = make_engine(sqlite_url)
    with transaction(engine) as session:
        builders.portfolio(session)
    for days in (0, 0, 1):
        clock = FixedClock(NOW + timedelta(days=days))
        Worker(engine, make_ports(settings, clock), settings).stamp()
    listed = desk("timeline", "days", "--json").json["days"]
    assert [(day["day"], day["authority"]) for day in listed] == [
        ("2026-06-01", "127.0.0.1"),
        ("2026-06-02", "127.0.0.1"),
    ]
    written = desk("timeline", "day", "--date", "2026-06-02", "--out", str(tmp_path / "out"), "--json").json[
        "files"
    ]
    command = ["openssl", "ts", "-verify", "-data", written[0], "-in", written[1], "-CAfile", str(roots)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert Path(written[0]).read_text().startswith(f"before {listed[0]['sha256']}\n")
    assert desk("timeline", "check", "--json").json == {"days": 2, "changed": []}
    unknown = desk("timeline", "day", "--date", "2026-06-09", "--out", str(tmp_path))
    assert (unknown.status, "desk timeline days" in unknown.err) == (1, True)


def test_a_bundles_stamp_is_verified_offline(desk: Desk, authority: tuple[str, Path], tmp_path: Path) -> None:
    url, roots = authority
    content = build(case_file(), KEY, no_page)
    file, key, stamp = (tmp_path / name for name in ("case.zip", "key.pem", "case.tsr"))
    file.write_bytes(content)
    key.write_text(public_key_pem(KEY))
    manifest = content[content.index(b"signature.json") :]  # another text: its stamp is not the bundle's
    got = HttpTimeAuthority(url, roots)
    bundle = Bundle(reference=case_file().bundle_id, content=content)
    stamp.write_bytes(got.stamp(tag_manifest_of(bundle)).response)
    given = ("bundle", "verify", str(file), "--key", str(key), "--time-stamp", str(stamp))
    told = desk(*given, "--roots", str(roots), "--json")
    assert (told.status, told.json["existed_at"][:4]) == (0, str(datetime.now(UTC).year))
    assert desk(*given).status == 2, "a stamp without roots proves nothing"
    stamp.write_bytes(got.stamp(manifest).response)
    refused = desk(*given, "--roots", str(roots))
    assert (refused.status, "does not verify" in refused.err) == (1, True)
