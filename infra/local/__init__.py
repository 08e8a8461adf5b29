"""The embedded local stack: every server of DjangoZoom on one machine, from wheels."""
