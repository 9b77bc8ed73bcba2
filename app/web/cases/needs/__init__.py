"""Pages of a customer's support needs."""
