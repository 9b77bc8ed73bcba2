"""Requests for help with payments: taken down, documents, the decision."""
