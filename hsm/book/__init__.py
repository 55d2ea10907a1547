"""The book: what was signed, spent, isolated and agreed, durable and chained; the only SQL here."""
