"""Proves guesses by running them: installs a candidate, loads it in a confined folder, and draws conclusions.

Start with `proof.py`. `candidates.py` chooses what is worth a try, `attempts.py` tries one candidate in a folder that
`rooms.py` lends it, and `verdicts.py` judges the report. Nothing is stored here (`guesses` does that), and the room
knows nothing of `appservers` or `proxies`.
"""
