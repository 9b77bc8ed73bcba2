"""Pages of figures over time: trends, and the flow between buckets."""
