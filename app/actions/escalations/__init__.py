"""Escalations to a supervisor: the same by page and by API."""
