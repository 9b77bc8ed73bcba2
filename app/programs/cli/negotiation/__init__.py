"""Verbs of negotiation: guideline figures, debt advisers."""
