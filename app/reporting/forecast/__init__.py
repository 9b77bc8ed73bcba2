"""Expected cash of the coming months, back-tested on the portfolio's own past."""
