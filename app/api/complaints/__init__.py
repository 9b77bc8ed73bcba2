"""Complaints, their redress, the questions whether something is one, and root causes."""
