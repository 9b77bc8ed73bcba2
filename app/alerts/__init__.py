"""Alerts: what failed, told to people on the pages, by e-mail and by webhook until it is over."""
