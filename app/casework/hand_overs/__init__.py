"""Offers of help and products, hand-overs to other desks, and the record of abusive contact."""
