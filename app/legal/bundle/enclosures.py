"""Files of others in a bundle: the documents on file and the printed agreements, each with an index. Pure."""

from __future__ import annotations

import re
import unicodedata

from app.core.types import JsonObject
from app.legal.bundle import bag as fmt
from app.legal.checklists.case_file import CaseFile


def document_files(case: CaseFile) -> dict[str, bytes]:
    if not case.documents:
        return {"data/documents/README.txt": b"No document is on file for this case.\n"}
    files: dict[str, bytes] = {}
    index = []
    for number, d in enumerate(case.documents, start=1):
        path = f"data/documents/{number:04d}-{file_name(d.name)}"
        files[path] = d.content
        index.append(
            {
                "file": path,
                "kind": d.kind,
                "name": d.name,
                "media_type": d.media_type,
                "dated_on": d.dated_on.isoformat(),
                "sha256": fmt.sha256(d.content),
            }
        )
    return {**files, "data/documents/index.json": fmt.json_bytes(index)}


def agreement_files(case: CaseFile) -> dict[str, bytes]:
    """The printed form of each agreement that was made, and the reason where there is none."""
    if not case.agreements:
        return {}
    files, index = {}, list[JsonObject]()
    for each in case.agreements:
        path = f"data/agreements/{file_name(each.plan)}.pdf"
        if each.content:
            files[path] = each.content
        index.append(
            {
                "plan": each.plan,
                "file": path if each.content else None,
                "sha256": fmt.sha256(each.content) if each.content else None,
                "why_not": each.why_not or None,
            }
        )
    return {**files, "data/agreements/index.json": fmt.json_bytes(index)}


def file_name(name: str) -> str:
    """An uploaded file's name reduced to characters that every file system takes; the full name stands in the index."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.]+", "-", plain).strip("-.")[-80:].strip("-.") or "file"
