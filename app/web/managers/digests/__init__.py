"""Pages of digests and thresholds: who gets what, and the limits that raise alerts."""
