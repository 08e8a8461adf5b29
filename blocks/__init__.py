"""Typed Prefect blocks: addresses that all servers share. They never hold secrets."""
