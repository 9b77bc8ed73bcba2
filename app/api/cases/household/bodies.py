"""The body of a household statement, in the structure of the UK Standard Financial Statement. Shapes are checked here,
values by `read_statement`, so that a file of an adviser and a request are read by the same rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from app.api.deps import Input
from app.core.text import Line
from app.core.types import JsonObject


def _hyphened(name: str) -> str:
    return name.strip("_").replace("_", "-")


class _Sfs(Input):
    """Members are named with hyphens, as in the published data definition."""

    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=_hyphened)


Text = Annotated[Line, Field(max_length=300)]


def _amount(value: object) -> str | int | float:
    """Its value is read with the statement; here it is only a text or a number. ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 24:
        raise ValueError("Write an amount as a number or a decimal string.")
    return value


Amount = Annotated[
    str | int | float,
    PlainValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 24}, {"type": "number"}]}),
    Field(description="A decimal string, or a number, in currency units.", examples=["500.00"]),
]


class FigureBody(_Sfs):
    """A figure with how often it comes, its source and its day; `monthly-amount` is checked, not needed."""

    amount: Amount | None = None
    frequency: Text | None = Field(
        None, description="weekly, fortnightly, four_weekly, monthly (where none is given) or yearly."
    )
    monthly_amount: Amount | None = None
    source: Text | None = Field(
        None, description="said (where none is given), document, bank_data, adviser, estimate."
    )
    as_of: Text | None = Field(None, description="Day of the source; where none is given, the statement's.")
    notes: Text | None = None


Figures = Annotated[dict[str, Amount | FigureBody], Field(max_length=60)]


class Outgoings(_Sfs):
    fixed_costs: Figures = {}
    flexible_costs: Figures = {}
    total_monthly_outgoings: Amount | None = None


class DebtBody(_Sfs):
    creditor: Text
    amount_owed: Amount
    repayment_offer: Amount | None = None
    ccj: bool | None = Field(None, description="A court has given judgment.")
    is_ours: bool | None = None
    notes: Text | None = None
    pro_rata_share: Amount | None = Field(None, description="Computed in answers; read over.")


class Debts(_Sfs):
    priority_debts: Annotated[list[DebtBody], Field(max_length=60)] = []
    total_priority_debts: Amount | None = None
    non_priority_debts: Annotated[list[DebtBody], Field(max_length=60)] = []
    total_non_priority_debts: Amount | None = None
    token_payments: Amount | None = None


class Overview(_Sfs):
    total_monthly_income: Amount | None = None
    total_monthly_outgoings: Amount | None = None
    savings_contribution: Amount | None = None
    debt_admin_fee: Amount | None = None
    total_available_for_priority_debts: Amount | None = None
    total_available_for_non_priority_debts: Amount | None = None


class Confirmations(_Sfs):
    asset_use_considered: bool | None = None
    savings_contribution_considered: bool | None = None


class PaydayBody(_Sfs):
    next_on: Text
    frequency: Text | None = None
    days_after: int | None = None


class OurShare(_Sfs):
    """Fields that this API's answers have and its requests ignore."""

    our_debt: Amount | None = None
    share_percent: int | None = None
    monthly_amount: Amount | None = None


Statuses = Annotated[list[Text], Field(max_length=9)]
Count = Annotated[int, Field(ge=0, le=99)]


class StatementBody(_Sfs):
    """A household statement; totals are checked against its figures. The case says who the person is."""

    categories: Text | None = Field(
        None, description="Name of the list of categories; it must be the customer's."
    )
    currency: Text | None = None
    date_: Text | None = Field(None, description="Day of the statement; today where none is given.")
    review_date: Text | None = None
    client_name: Text | None = None
    client_date_of_birth: Text | None = None
    client_address: Text | None = None
    is_joint_application: bool | None = None
    partner_name: Text | None = None
    partner_date_of_birth: Text | None = None
    dependent_children_under_16: Count | None = None
    dependent_children_16_18: Count | None = None
    other_dependents: Count | None = None
    non_dependents: Count | None = None
    total_number_in_household: Count | None = None
    vehicles: Count | None = None
    housing_tenure: Text | None = None
    housing_tenure_other: Text | None = None
    client_employment_status: Statuses | None = None
    client_employment_status_other: Text | None = None
    partner_employment_status: Statuses | None = None
    partner_employment_status_other: Text | None = None
    overview: Overview | None = None
    monthly_income: Figures | None = None
    monthly_outgoings: Outgoings | None = None
    debts: Debts | None = None
    confirmations: Confirmations | None = None
    notes: Annotated[list[Text], Field(max_length=60)] | None = None
    payday: PaydayBody | None = None
    our_share: OurShare | None = None

    def as_sent(self) -> JsonObject:
        """The JSON object that was sent, without members that were null."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude_unset=True)
