"""The guard: facts of one order in, every reason against it out."""
