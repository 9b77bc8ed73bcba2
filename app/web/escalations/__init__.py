"""Escalations to a supervisor: the form of a case, and the supervisors' queue."""
