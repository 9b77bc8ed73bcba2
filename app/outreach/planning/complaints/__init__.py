"""Letters of a complaint: that it was received, that its answer is late, and its answer."""
