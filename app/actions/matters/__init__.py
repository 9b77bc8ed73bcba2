"""Acts of a matter with the lawyers: report what became of it, ask the other side, answer it."""
