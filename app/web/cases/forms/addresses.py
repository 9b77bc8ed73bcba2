"""The addresses of a case's forms, opened instead of sent: after a reload, or typed into the address bar."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import RedirectResponse, Response

from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.routes import Router

router = Router(prefix="/cases")

FORMS = {
    "call": "call", "note": "note", "promise": "promise", "plans": "plan", "plans/preview": "plan",
    "settlements": "settlement", "letter": "letter", "answer": "answer", "answer/preview": "answer", "holds": "hold",
    "consent": "consent", "contact": "contact", "preferences": "preference", "assign": "assign", "nominate": "nominate",
    "callback/forget": "forget-callback", "settlements/request": "settlement", "plans/request": "plan",
    "hand-over/request": "hand-over", "hand-over": "hand-over",
}  # fmt: skip
"""The end of a form's address, and the form. A refused form is shown at its own address: there it is found again after
a reload, or by the address bar."""
ROW_FORMS = {
    "holds/{row_id}/end": "end-hold", "holds/{row_id}/review": "review",
    "preferences/{row_id}/end": "end-told",
    "messages/{row_id}/cancel": "cancel-message",
}  # fmt: skip
"""The same for those about one row."""


PLAN_FORMS = {"accept": "accept", "cancel": "cancel", "move": "move", "skip": "skip", "skip/request": "skip"}
"""Those about an agreement, which are found again on its page."""


def _shows(form: str) -> Callable[..., Response]:
    def show_form(case_id: RowId, _staff: CaseReader) -> Response:
        return _to_form(case_id, form)

    return show_form


def _shows_row(form: str) -> Callable[..., Response]:
    def show_row_form(case_id: RowId, row_id: RowId, _staff: CaseReader) -> Response:
        return _to_form(case_id, f"{form}-{row_id}")

    return show_row_form


def _shows_on_plan(form: str) -> Callable[..., Response]:
    def show_plan_form(case_id: RowId, row_id: RowId, _staff: CaseReader) -> Response:
        at = f"/cases/{case_id}/plans/{row_id}"
        return RedirectResponse(f"{at}?do={form}-{row_id}&draft=1#do-{form}-{row_id}", status_code=303)

    return show_plan_form


def _to_form(case_id: int, form: str) -> Response:
    return RedirectResponse(f"/cases/{case_id}?do={form}&draft=1#do-{form}", status_code=303)


DISPUTE_FORMS = {
    "change": "change",
    "decide": "decide",
    "correction": "correction",
    "owner": "owner",
    "evidence": "evidence",
}
"""Those about a dispute, which are found again on the page of the disputes."""


def _shows_on_dispute(form: str) -> Callable[..., Response]:
    def show_dispute_form(case_id: RowId, row_id: RowId, _staff: CaseReader) -> Response:
        return _to_disputes(case_id, f"{form}-{row_id}")

    return show_dispute_form


def show_judge_form(case_id: RowId, row_id: RowId, evidence_id: RowId, _staff: CaseReader) -> Response:  # noqa: ARG001
    return _to_disputes(case_id, f"judge-{evidence_id}")


def _to_disputes(case_id: int, form: str) -> Response:
    return RedirectResponse(f"/cases/{case_id}/disputes?do={form}&draft=1#do-{form}", status_code=303)


for end, form in FORMS.items():
    router.add_api_route(f"/{{case_id}}/{end}", _shows(form), methods=["GET"])
for end, form in ROW_FORMS.items():
    router.add_api_route(f"/{{case_id}}/{end}", _shows_row(form), methods=["GET"])
for end, form in PLAN_FORMS.items():
    at = f"/{{case_id}}/plans/{{row_id}}/{end}"
    router.add_api_route(at, _shows_on_plan(form), methods=["GET"])
for end, form in DISPUTE_FORMS.items():
    at = f"/{{case_id}}/disputes/{{row_id}}/{end}"
    router.add_api_route(at, _shows_on_dispute(form), methods=["GET"])
router.add_api_route(
    "/{case_id}/disputes/{row_id}/evidence/{evidence_id}/judge", show_judge_form, methods=["GET"]
)
