"""Arrears Desk: case manager for overdue credit-card accounts."""

__version__ = "0.1.0"
