"""The verbs: what the two sockets may be asked, one function each."""
