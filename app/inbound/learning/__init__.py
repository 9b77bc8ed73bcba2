"""Training of the intent model on shipped samples and on messages that people decided about."""
