"""Changes between two closed days, the slices that moved each, and when a person last looked."""
