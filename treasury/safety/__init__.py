"""Steps toward safety that nobody has to approve: halt, cut a wallet off, bring the rest home."""
