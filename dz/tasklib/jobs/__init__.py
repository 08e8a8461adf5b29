"""Jobs: what people asked for, how far it has got, its log, and errors on their way from a subflow to its parent.

Start with `jobs.py`, which opens, runs and ends a job; `log.py` holds the lines in between, `results.py` types what a
job has found or made, `failures.py` hands a subflow's error to its parent. The room stands on zoomdb alone: it uses no
adapter and no other room.
"""
