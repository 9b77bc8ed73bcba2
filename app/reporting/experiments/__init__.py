"""Experiment results: two arms compared on any day, and the safeguards that stop an experiment."""
