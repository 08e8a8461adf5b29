"""Jobs: what people asked for, how far it is, its log, and errors on their way from a subflow to its parent."""
