"""The page of a case's documents: who may do what, and how a file is handed out."""

from __future__ import annotations

from httpx2 import Response

from app.casework.documents.events import DocumentDownloaded
from app.core.staff.rules import Role
from tests import builders
from tests.api.program import late_case
from tests.web.desk import Desk

PDF = b"%PDF-1.7\n1 0 obj\n"


def test_pages_file_show_and_withdraw_by_role(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case = late_case(desk)
    path = f"/cases/{case.id}/documents"
    about = {"kind": "agreement", "dated_on": "2021-03-09", "description": "signed in the branch"}
    agent, manager = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    assert desk.sign_in(Role.ADMIN).get(path).status_code == 403

    def upload(name: str, content: bytes, kind: str) -> Response:
        fields = {"csrf_token": agent.csrf_token, **about}
        origin = {"origin": "http://testserver"}
        return agent.post(path, data=fields, files={"file": (name, content, kind)}, headers=origin)

    refused = upload("a.pdf", b"MZ\x90\x00", "application/pdf")
    assert refused.status_code == 422
    assert "no PDF, PNG, JPEG or plain text" in refused.text
    assert upload("ä.html", PDF, "text/html").status_code == 303
    assert "signed in the branch" in manager.get(path).text
    answer = manager.get(f"{path}/1")
    assert (answer.content, answer.headers["content-type"]) == (PDF, "application/pdf")
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    [told] = desk.read(lambda session: builders.events(session, DocumentDownloaded.KIND))
    assert told["by"].startswith("user:")
    assert agent.submit(f"{path}/1/withdraw", why="mistake").status_code == 403
    assert manager.submit(f"{path}/1/withdraw", why=" ").status_code == 422
    assert manager.submit(f"{path}/1/withdraw", why="wrong customer").status_code == 303
    assert "wrong customer" in manager.get(path).text
    other = late_case(desk)
    assert manager.get(f"/cases/{other.id}/documents/1").status_code == 404
