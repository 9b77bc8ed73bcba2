"""Errors a person or a caller can act on. Each carries a sentence that says what is wrong and where.

The web layer turns them into pages, the API into problem+json (RFC 9457), the CLI into exit codes.
"""

from __future__ import annotations


class DeskError(Exception):
    """Base of every expected failure. `status` is the HTTP status that fits it, `field` the one value at fault."""

    status = 400

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(DeskError):
    status = 404


class Forbidden(DeskError):
    status = 403


class Conflict(DeskError):
    """The request is well formed but the present state does not allow it."""

    status = 409


class Invalid(DeskError):
    """A value the caller gave is not acceptable; `field` names it where one field is at fault."""

    status = 422
