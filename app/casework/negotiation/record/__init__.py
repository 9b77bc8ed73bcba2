"""Negotiations on record: the facts and the answer, each offer shown or not offered, and what became of it."""
