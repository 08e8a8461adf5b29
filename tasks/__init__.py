"""Prefect tasks: each is a decorator and a call; the work is in `dz.tasklib`."""
