"""The customers of one agent, with what their agent wants to know of each."""
