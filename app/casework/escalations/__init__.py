"""Escalations: questions to a supervisor about a case, and what came of them."""
