"""Support needs by API."""
