"""The page of a customer's household: what they can pay, and the statement that says so."""
