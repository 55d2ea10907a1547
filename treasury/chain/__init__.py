"""The chain as the daemon sees it: pinned readings, fees, broadcasts and receipts over JSON-RPC.

`port.py` holds the Protocol and the facts; the other files are one way to fulfil it.
"""
