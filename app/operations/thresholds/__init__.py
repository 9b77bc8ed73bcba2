"""Thresholds of key figures: judged once each closed day, crossed ones raise an alert."""
