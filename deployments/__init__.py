"""Rollout to a set of servers: pools, queues, blocks, Prefect deployments, and the watch over dead runs.

Start with `rollout.py`, which calls the rest.
"""
