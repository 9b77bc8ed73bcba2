"""What changed between two closed days, which slices moved it, and when a person last looked."""
