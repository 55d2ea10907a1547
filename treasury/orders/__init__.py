"""The road of an order: drafted, signed and compared, committed, sent, settled; or vetoed."""
