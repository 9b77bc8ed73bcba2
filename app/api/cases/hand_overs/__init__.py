"""Offers, hand-overs and abusive contact for programs."""
