"""Contact data of a customer: change it, with a reason. Calls the verb of `book.customers`."""

from app.book.customers.service import change_contact

__all__ = ["change_contact"]
