"""The page of a case's offers, hand-overs and abusive contact, and the list of hand-overs."""
