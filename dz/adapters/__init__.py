"""Adapters to the outside world, one external thing per file; a protocol where there is a choice of implementations.

Start with `processes.py`, which runs programs, and with `sandbox.py` and `walls/`, through which all code of project
owners runs.
Adapters know neither tasklib nor Prefect, and never read the settings: `dz.wiring` passes them what they need.
"""
