"""Documents of a case: put on file, withdraw, fetch. Each calls the verb of `casework.documents`."""

from app.casework.documents.service import add_document, fetch_document, withdraw_document

__all__ = ["add_document", "fetch_document", "withdraw_document"]
