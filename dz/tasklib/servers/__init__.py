"""Servers: who is registered and alive, how busy each is, and where a release is placed."""
