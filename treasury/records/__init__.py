"""What outlives the process: copies of the ledger, and what the outside is shown."""
