"""Progress of interest: the day it is posted through, and the fraction of a minor unit carried to the next day."""

from datetime import date

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row


class Accrual(Row, table=True):
    """Interest of an account, posted through `through`. `carry` is the part that was not yet a whole minor unit, in
    parts of 1 / (day count * 1,000,000)."""

    __tablename__ = "accrual"

    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId, index=True)
    through: date
    carry: int = Field(default=0, sa_type=sa.BigInteger)
