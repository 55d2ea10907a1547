"""The command `treasuryd backtest`: the daemon's judgement of outflow over any wallet's past.

`history` reads the file, `replay` judges it event by event using only what came before,
`suggestion` measures limits and bands, `report`, `terminal` and `picture` show them, and
`command` is the door.  Nothing here moves or signs anything, and nothing is written but a PNG.
"""
