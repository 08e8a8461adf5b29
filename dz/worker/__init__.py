"""The worker of a server: polls its role's work pool and sends heartbeats."""
