"""Messages between servers, sent through zoomdb to save waiting.

Start with `wakeups.py`, which announces new work and ended runs; `standby.py` tells a run that was sent ahead which
release it is for; `observations.py` asks servers how a project is there. Messages are best effort: whoever misses one finds the truth by polling. No other room is used.
"""
