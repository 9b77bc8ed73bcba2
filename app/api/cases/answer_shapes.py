"""The gate's answers as JSON."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from app.api.shapes import Shape
from app.core.types import JsonObject
from app.outreach.gate.decisions import answer_data
from app.policy.answers import Answer


class ReasonShape(Shape):
    """One objection, with the rule and the figures it used."""

    rule: str
    citation: str
    detail: str
    force: str
    verified: bool = Field(
        description="False where the rule was encoded from memory and is yet to be checked."
    )
    until: str | None = Field(description="When it lapses by itself.")
    figures: JsonObject


class AnswerShape(Shape):
    """The gate's full answer to one contact at one instant. Not legal advice."""

    decision: Literal["clear", "wait", "refuse"]
    not_before: str | None = Field(description="From when on it may be made, null where it may not.")
    reasons: list[ReasonShape]
    pack: str = Field(description="Code and version of the policy pack that was asked.")

    @classmethod
    def of(cls, answer: Answer) -> Self:
        return cls.model_validate(answer_data(answer))
