"""One outside thing per file: a protocol where there is a choice, and the real implementations."""
