"""Open, change and decide disputes, and grant credits."""
