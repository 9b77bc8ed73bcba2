"""The sections of a pack that are not about single contacts, one file each: the fields it may have, and how the
sections of several packs add up."""
