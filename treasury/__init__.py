"""The office: the network-facing daemon. It may be taken over and still cannot move cold funds."""
