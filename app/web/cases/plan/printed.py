"""The printable agreement, from its page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.actions.plans.printed import agreement_pdf
from app.casework.cases.queries import get_case
from app.casework.plans.queries import find_plan
from app.http.context import ports_of
from app.http.cursors import RowId
from app.http.doors import CaseReader
from app.http.routes import Router
from app.http.transactions import ReadSession

router = Router(prefix="/cases")


@router.get("/{case_id}/plans/{plan_id}/agreement.pdf")
def printed_agreement(
    request: Request, case_id: RowId, plan_id: RowId, _staff: CaseReader, session: ReadSession
) -> Response:
    plan = find_plan(session, get_case(session, case_id), plan_id)
    made = agreement_pdf(session, plan, ports_of(request))
    headers = {"content-disposition": f'inline; filename="{plan.reference}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)
