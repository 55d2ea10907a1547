"""Payouts: what waits, what stands against it, whether it is like the past, and its orders."""
