"""Court dates of all matters, for a calendar."""

from __future__ import annotations

from starlette.responses import Response

from app.http.context import Now
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.legal.matters.calendar import MEDIA_TYPE, calendar_of
from app.legal.matters.queries import court_dates
from app.web.legal.referral_page import LegalReader

router = Router(prefix="/legal")


@router.get("/court-dates.ics")
def calendar(_staff: LegalReader, session: ReadSession, now: Now) -> Response:
    """Hearings to come, as iCalendar."""
    headers = {"content-disposition": 'attachment; filename="court-dates.ics"'}
    content = calendar_of(court_dates(session, now=now), now)
    return Response(content, media_type=MEDIA_TYPE, headers=headers)
