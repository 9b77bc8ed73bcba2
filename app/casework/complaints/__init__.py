"""Complaints: any expression of dissatisfaction, its two clocks, its answer, its redress and its root cause."""
