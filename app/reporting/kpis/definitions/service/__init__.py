"""Service to customers and what it costs: complaints, and the parts of the cost to collect."""
