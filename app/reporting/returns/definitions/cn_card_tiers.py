"""China: a bank's card assets by the five tiers of risk, by days past due."""

from __future__ import annotations

import sqlalchemy as sa

from app.core.database.rows import Query
from app.reporting.kpis.definitions.outcomes.schemes import Scheme, schemes
from app.reporting.kpis.rules import Dimension, Thing
from app.reporting.kpis.standing import positive, standing_on
from app.reporting.returns.lines import Asked, line
from app.reporting.returns.rules import (
    Measure,
    Ratio,
    ReturnDefinition,
    ReturnKind,
    Row,
    Section,
    Source,
)

CHINESE = {
    "Special mention": "关注类",
    "Substandard": "次级类",
    "Doubtful": "可疑类",
    "Loss": "损失类",
}
NORMAL = "normal"


def _scheme() -> Scheme:
    return schemes()[Dimension.CN_CARD]


def _row_name(tier: str) -> str:
    return tier.lower().replace(" ", "_")


def tiers(asked: Asked) -> Query:
    """Every counted account, in the tier of its days past due; a balance below 0 counts as 0."""
    stands = standing_on(asked.shape, asked.days)
    worst_first = reversed(_scheme().classes)
    tier = sa.case(
        *(
            (stands.c.oldest_due_on <= asked.days.before(each.from_day), _row_name(each.name))
            for each in worst_first
        ),
        else_=NORMAL,
    )
    return sa.select(
        *line(
            tier, Thing.ACCOUNT, stands.c.account_id, stands.c.oldest_due_on, stands.c.account_id,
            stands.c.customer_id, balance=positive(stands.c.balance_minor), past_due=stands.c.past_due_minor,
        )
    )  # fmt: skip


def _tier_rows() -> tuple[Row, ...]:
    named = []
    classes = _scheme().classes
    for own, following in zip(classes, [*classes[1:], None], strict=True):
        last = f"–{following.from_day - 1}" if following else " or more"
        title = f"{own.name} ({CHINESE[own.name]}): {own.from_day}{last} days past due"
        named.append(Row(_row_name(own.name), title))
    worse = tuple(_row_name(each.name) for each in classes if each.from_day >= _scheme().classified_from)
    everything = (NORMAL, *(row.name for row in named))
    return (
        Row(NORMAL, "Normal (正常类): not past due"),
        *named,
        Row("non_performing", "Non-performing (不良): the last three", sum_of=worse),
        Row("all", "All card assets", sum_of=everything),
        Row(
            "non_performing_ratio",
            "Non-performing ratio, by balance",
            ratio=Ratio("non_performing", "all", Measure.BALANCE, 100),
        ),
    )


def definition() -> ReturnDefinition:
    return ReturnDefinition(
        ReturnKind.CN_CARD_TIERS,
        "China: card assets by tier",
        "National Financial Regulatory Administration (formerly CBIRC)",
        (
            Source(
                "Measures for the Supervision of Credit Card Business of Commercial Banks, Order 2011 No. 2, art. 92",
                "http://www.jianbiaoku.com/webarbs/book/164174/4712313.shtml",
                read=True,
            ),
        ),
        (0,),
        (
            Section(
                "Card assets at the end of the day",
                {
                    Measure.NUMBER: "Accounts",
                    Measure.BALANCE: "Balance",
                    Measure.PAST_DUE: "Past due",
                },
                _tier_rows(),
            ),
            Section(
                "By decision of a person",
                {Measure.NUMBER: "Accounts", Measure.BALANCE: "Balance"},
                (
                    Row(
                        "direct",
                        "Classed worse for fraud or insider crime, art. 93",
                        missing="The desk keeps a hold for fraud, but no class that a person decided.",
                    ),
                    Row(
                        "restructured",
                        "Restructured assets, Order 2023 No. 1",
                        missing="The desk keeps agreements and re-ages, but not which of them is a restructuring.",
                    ),
                ),
            ),
        ),
        (
            "By days past due alone: the least that the text demands. A bank may class an account worse.",
            "Accounts that were charged off are no assets any more and are left out; a balance in the customer's "
            "favour counts as 0.",
        ),
    )
