"""Lists behind figures: the things that a figure counts, on any closed day, by slice."""
