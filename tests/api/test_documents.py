"""Documents put on file, fetched and withdrawn by a program."""

from __future__ import annotations

import base64

from app.core.staff.rules import Role
from tests.api.program import Program, late_case

PDF = b"%PDF-1.7\n1 0 obj\n"


def test_a_program_does_the_same(program: Program) -> None:
    case = late_case(program.desk)
    path = f"/cases/{case.reference}/documents"
    new = {
        "kind": "assignment",
        "name": "deed.pdf",
        "dated_on": "2025-01-02",
        "content_base64": base64.b64encode(PDF).decode(),
    }
    answer = program.post(path, new)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["media_type"], answer.json()["size"]) == ("application/pdf", len(PDF))
    assert program.post(path, {**new, "content_base64": "%%"}).status_code == 422
    assert program.post(path, new).status_code == 409
    [listed] = program.get(path).json()
    assert program.get(f"{path}/{listed['id']}").content == PDF
    assert program.as_(Role.AGENT).post(f"{path}/{listed['id']}/withdrawal", {"why": "x"}).status_code == 403
    assert (
        program.post(f"{path}/{listed['id']}/withdrawal", {"why": "not ours"}).json()["withdrawn_why"]
        == "not ours"
    )
