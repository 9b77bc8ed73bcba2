"""Documents of a case: put on file, withdraw, fetch. Each is the documents room's own verb."""

from app.casework.documents.service import add_document, fetch_document, withdraw_document

__all__ = ["add_document", "fetch_document", "withdraw_document"]
