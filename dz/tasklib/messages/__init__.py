"""Messages between servers over zoomdb, which spare waiting; whatever they say is also true without them."""
