"""Folders of uploaded files, and when each is deleted. A file holds the data of a creditor's customers."""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path

UPLOAD_NAME = re.compile(r"[A-Za-z0-9_-]{20,40}")
"""Name of an upload's folder: a random token that cannot be guessed."""
FORGOTTEN_AFTER = timedelta(hours=48)


def forget_uploads(folder: Path, *, now: datetime) -> int:
    """Delete uploads that a person looked at and left alone, and the remains of a process that was killed.

    An upload whose load has begun stays, to be resumed. Returns how many were deleted.
    """
    forgotten = 0
    for upload in folder.glob("*"):
        if not UPLOAD_NAME.fullmatch(upload.name) or not upload.is_dir():
            continue
        if (upload / "loading.json").exists():
            continue
        try:
            note = upload / "upload.json"  # written last; without it the upload was never whole
            newest = (note if note.exists() else upload).stat().st_mtime
        except FileNotFoundError:
            continue  # a person discards it at this moment
        if now.timestamp() - newest > FORGOTTEN_AFTER.total_seconds():
            shutil.rmtree(upload, ignore_errors=True)
            forgotten += 1
    return forgotten
