"""What the office takes over from the signer's book: the first words, law and wallets."""
