"""Proves that a built project loads, in one confined process that runs the settings shim."""
