"""Complaints: the register, one of them, what people do with it, and root causes."""
