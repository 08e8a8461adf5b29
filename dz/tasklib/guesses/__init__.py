"""ConfigGuesses: what detection believes and what a proof made of it, as rows of zoomdb and as a table for people.

Start with `proved.py`, which merges a proof into the guesses; `rows.py` stores them, `table.py` shows them. The room
neither reads a work tree nor runs a project: `detection` and `proof` do that.
"""
