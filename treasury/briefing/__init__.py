"""What policies are told: facts gathered from the ledger, one file per matter."""
