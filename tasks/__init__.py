"""Prefect tasks, one module per noun: each is a decorator and a call; the work is in `dz.tasklib`.

Start with `roles.py`, whose `on_role` makes a function a task of one role, `policy.py` (retries) and `subflows.py`
(work on servers of other roles). Tasks get their adapters from `dz.wiring`.
"""
