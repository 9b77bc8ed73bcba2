"""Debt advisers: organisations that act for many customers, the plans they propose and the payments they send."""
