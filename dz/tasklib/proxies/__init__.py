"""What proxies show: host names, virtual hosts, static files, and the change that users see.

Start with `updates.py`, which makes one proxy show what zoomdb says: `vhosts.py` reads the rows, `config.py` renders
nginx's configuration, and `publish.py` tests, loads and proves it. `hosts.py` and `ports.py` hand out names and ports.
The room knows no more of an app instance than its address, and nothing of `appservers` or `proof`.
"""
