"""The worker of a server: runs the flow runs of its role's work pool, sends heartbeats and repairs its server.

Start with `service.py`, then `warm.py`, the worker type that forks each flow run from a warm process.
`fork_servers.py`, `generations.py` and `orders.py` are the worker's side of the fork; `fork_server.py` and
`flow_process.py` run on the other side. Only `internals` may use Prefect's private names.
"""
