"""The development chain: a real EVM as its own process, served over JSON-RPC on loopback.

It speaks the methods of an ordinary node and anvil's names for what only a development chain can
do, so that the same daemon and the same tests later run unchanged against anvil.
"""
