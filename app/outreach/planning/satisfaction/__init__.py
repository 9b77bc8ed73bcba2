"""Satisfaction questions of a night: whom they are for, who is never asked, their words and their one reminder."""
