"""Definitions of returns, one file each."""
