"""The process: sockets, batches, a clock that notices, and walls around the memory."""
