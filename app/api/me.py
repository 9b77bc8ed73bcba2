"""The owner of a token: the call to make first when setting up a client."""

from __future__ import annotations

from typing import Annotated

from app.api.deps import api_requires, api_router
from app.api.shapes import Shape
from app.core.staff.rules import EVERYONE, Caller, Role

router = api_router("/me", tags=["me"])


class Me(Shape):
    name: str
    role: Role
    owner: str | None
    """User name of the person who answers for the token; null = the installation's own."""


@router.get("", summary="Who am I?")
def who_am_i(caller: Annotated[Caller, api_requires(*EVERYONE)]) -> Me:
    """The name, role and owner of the token that makes this request."""
    return Me(name=caller.name, role=caller.role, owner=caller.owner)
