"""An empty flow that `bench.hop` calls; the worker loads it by this file's path."""

from prefect import flow

from tasks.endings import tells_its_end


@tells_its_end
@flow(name="bench-hop", persist_result=False)
def hop() -> None:
    """Do nothing, on the server that was asked to, and tell who waits as every flow of ours does."""
