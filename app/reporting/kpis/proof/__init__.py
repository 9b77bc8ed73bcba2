"""The figures counted again by hand, and compared."""
