"""A flow that does nothing, on another role: what is left is the way there and back."""

from prefect import flow


@flow(name="bench-hop", persist_result=False)
def hop() -> None:
    """Do nothing."""
