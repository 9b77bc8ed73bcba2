"""Satisfaction: one question to a customer after a contact or a case is closed, its answer, and how it is counted."""
