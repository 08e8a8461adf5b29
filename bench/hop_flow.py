"""An empty flow that `bench.hop` calls; the worker loads it by this file's path."""

from prefect import flow

from tasks.endings import tells_its_end


@tells_its_end
@flow(name="bench-hop", persist_result=False)
def hop() -> None:
    """Do nothing; its end is reported as that of every flow of ours."""
