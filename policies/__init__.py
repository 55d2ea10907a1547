"""The law: pure decisions. Facts in, verdicts out; no I/O, no clock, no randomness, no logging."""
