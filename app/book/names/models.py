"""The index of customers' names."""

from sqlmodel import Field

from app.core.database.engine import BigId, Row, sorted_text


class CustomerName(Row, table=True):
    """A term under which a customer's name, or one that they had, is found (`rules.terms_of`). Derived from their row
    and their events, and written with them; no foreign key, which would cost a feed more than the row."""

    __tablename__ = "customer_name"
    __table_args__ = ({"sqlite_with_rowid": False},)

    term: str = Field(primary_key=True, sa_type=sorted_text(80))  # type: ignore[call-overload]
    customer_id: int = Field(primary_key=True, sa_type=BigId)
