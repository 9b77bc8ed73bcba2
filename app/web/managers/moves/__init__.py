"""Moves of many cases: chosen, looked at, confirmed, taken back."""
