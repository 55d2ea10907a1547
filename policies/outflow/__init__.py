"""Judgement of outflow."""
