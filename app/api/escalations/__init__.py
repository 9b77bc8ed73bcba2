"""Escalations to a supervisor for programs."""
