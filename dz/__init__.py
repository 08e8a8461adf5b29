"""The DjangoZoom library: no Prefect outside `dz.cli` and `dz.worker`."""
