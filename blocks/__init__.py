"""Typed Prefect blocks: addresses that all servers share. Secrets never lie in them."""
