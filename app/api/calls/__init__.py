"""Calls and their result codes, by programs."""
