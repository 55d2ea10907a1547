"""Drills: rehearse what must work in the worst hour, and measure it.

    record      what a drill did, step by step, with times
    rehearsal   the dry runs: what would happen here, without changing anything
    command     `treasuryd drill`

The real drills need a chain and keys of play money: they stand in `treasury.dev.drills`.
"""
