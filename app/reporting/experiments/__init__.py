"""What an experiment found: two arms compared on any day, and the safeguards that stop it."""
