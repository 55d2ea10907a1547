"""Rooms for development: a chain of our own and what a demonstration needs; never production."""
