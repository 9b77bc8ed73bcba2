"""The outcome bar of the case page: the result of a call, its own fields, what will happen, and the flash."""
