"""Debt advisers: customers, files of proposals, lump payments."""
