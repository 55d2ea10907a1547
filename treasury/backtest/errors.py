"""What can be wrong with a backtest's input, said in one line."""

from __future__ import annotations

from typing import ClassVar

from treasury.errors import Blame, TreasuryError

EX_DATAERR = 65
EX_CONFIG = 78


class BacktestError(TreasuryError):
    """The command cannot go on; `status` is the exit code and the text says what to do."""

    blame = Blame.OPERATOR
    status: ClassVar[int] = EX_CONFIG


class HistoryError(BacktestError):
    """A row of the history is not what its column promises; names file, line and column."""

    status = EX_DATAERR
