"""Digests: the content of the morning page, sent after a night to those who are on one list."""
