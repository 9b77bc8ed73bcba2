"""Staffing: skills, capacity and absences of people."""
