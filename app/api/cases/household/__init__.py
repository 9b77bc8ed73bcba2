"""Household statements and answers about affordability, in and out."""
