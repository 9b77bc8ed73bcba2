"""Problem documents (RFC 9457): their shape, and the ones that every operation may answer."""

from __future__ import annotations

from pydantic import Field

from app.api.shapes import Shape


class FieldError(Shape):
    """One value that is not acceptable."""

    field: str = Field(description="Its name, as `amount`.")
    message: str


class Problem(Shape):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What is wrong and what to do.")
    errors: list[FieldError] | None = None
    reference: str | None = Field(None, description="Name it when you report a fault of ours.")


PROBLEMS = {
    400: ("Unreadable", "The request cannot be read, or has no Idempotency-Key."),
    401: ("NoToken", "No valid token."),
    403: ("NotThisRole", "The token's role may not do this."),
    404: ("NotFound", "What the request names does not exist."),
    409: ("NotNow", "The present state does not allow it."),
    413: ("TooLarge", "The request is too large."),
    422: ("NotAcceptable", "A value is missing, wrong or not acceptable; `errors` names it."),
    500: ("Fault", "A fault of ours; nothing was changed."),
    503: ("Busy", "The database is busy; nothing was changed. Try again."),
}
EVERY = (401, 403, 422, 500, 503)
WITH_BODY = (400, 409, 413)
