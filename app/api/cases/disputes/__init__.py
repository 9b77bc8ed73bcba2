"""Disputes of a case: listed, opened, changed, shown to be right or wrong, decided."""
