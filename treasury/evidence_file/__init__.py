"""The evidence file: everything that a stranger needs to check this treasury offline.

    content      laws, keys, consent, orders, transactions and the reckoning, as of one journal line
    journal      every line up to the one that holds the SHA-256 of the content
    checkpoint   the signature of the checkpoint key over that line

Each byte hangs on that one signature: the content by its hash in the last line, the lines by the
chain of hashes, the head by the signature. `tools/verify_evidence.py` checks all of it, and shares
no code with this package.
"""
