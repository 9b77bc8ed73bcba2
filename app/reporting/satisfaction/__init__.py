"""Satisfaction scores of some months: by month, by what was closed, by reason, by person; and the answers."""
