"""Household statements: what a household earns, spends and owes, and what is left for us."""
