"""ConfigGuesses: what detection believes and what a proof made of it, as rows of zoomdb and as a table for people."""
