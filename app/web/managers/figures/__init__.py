"""Pages of figures: the dashboard, what its tiles count, and break risk."""
