"""Verbs about the question how satisfied customers are."""
