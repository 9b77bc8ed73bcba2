"""The printable agreement."""

from __future__ import annotations

from fastapi import Request, Response

from app.actions.plans.printed import agreement_pdf
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ReadSession, api_router
from app.api.fields import CaseRef, PlanRef, plan_id_of
from app.casework.plans.queries import find_plan
from app.http.context import ports_of

router = api_router("/cases/{reference}/plans/{plan}", tags=["agreements"])


class Pdf(Response):
    media_type = "application/pdf"


@router.get(
    "/agreement.pdf",
    response_class=Pdf,
    summary="Print an agreement",
    responses={
        200: {
            "description": "Tagged PDF/A in the customer's language. The same agreement is the same bytes.",
            "content": {"application/pdf": {"schema": {"format": "binary"}}},
        }
    },
)
def get_agreement(
    request: Request, reference: CaseRef, plan: PlanRef, _caller: ApiCaseReader, session: ReadSession
) -> Response:
    """Parties, debt, schedule with the reference of each payment, concessions, rights, who agreed and by which means,
    and lines to sign. In euros, where the payee's IBAN is set, also QR codes (EPC069-12) of the first payments."""
    found = find_plan(session, case_named(session, reference), plan_id_of(plan))
    pdf = agreement_pdf(session, found, ports_of(request))
    headers = {"content-disposition": f'inline; filename="{found.reference}.pdf"'}
    return Pdf(pdf, headers=headers)
