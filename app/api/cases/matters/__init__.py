"""Matters with the lawyers, for programs."""
