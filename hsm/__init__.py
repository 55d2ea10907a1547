"""The vault room: everything that runs in the small process that holds the PIN. Trusts nobody."""
