"""Uploads nobody loads are forgotten on time, by any worker and at the next upload."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.book.feeds.uploads import FORGOTTEN_AFTER, forget_uploads

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def upload(folder: Path, name: str, age: timedelta, *files: str) -> Path:
    made = folder / name
    made.mkdir()
    at = (NOW - age).timestamp()
    for file in files:
        (made / file).write_text("x")
        os.utime(made / file, (at, at))
    os.utime(made, (at, at))
    return made


@pytest.mark.parametrize(
    ("name", "age", "files", "stays"),
    [
        ("a" * 24, FORGOTTEN_AFTER, ("data", "upload.json"), True),
        ("a" * 24, FORGOTTEN_AFTER + timedelta(seconds=1), ("data", "upload.json"), False),
        ("a" * 24, FORGOTTEN_AFTER * 2, ("data",), False),  # never whole
        ("a" * 24, FORGOTTEN_AFTER * 2, ("data", "upload.json", "loading.json"), True),  # to be resumed
        ("mappings", FORGOTTEN_AFTER * 2, ("one.toml",), True),
        ("rejects", FORGOTTEN_AFTER * 2, ("one.csv",), True),
    ],
)
def test_what_is_left_alone_for_two_days_is_deleted(
    tmp_path: Path, name: str, age: timedelta, files: tuple[str, ...], stays: bool
) -> None:
    made = upload(tmp_path, name, age, *files)
    assert forget_uploads(tmp_path, now=NOW) == (0 if stays else 1)
    assert made.exists() is stays


def test_a_folder_that_is_not_there_holds_nothing_to_forget(tmp_path: Path) -> None:
    assert forget_uploads(tmp_path / "none", now=NOW) == 0
