"""Verbs about words: what customers mean, what we answer."""
