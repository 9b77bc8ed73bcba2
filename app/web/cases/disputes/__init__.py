"""The disputes of a customer: the page beside the case, and its forms."""
