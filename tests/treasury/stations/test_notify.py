"""Notify: the log says what the journal says, each line once."""

from __future__ import annotations

from structlog.testing import capture_logs

from tests.fakes.belt import Belt
from treasury.ledger import journal
from treasury.stations.notify import notify


def test_every_line_is_told_once(low: Belt) -> None:
    """All lines in their order, and at the next call only what is new."""
    with low.ledger.read() as session:
        expected = [entry.kind for entry in journal.tail(session)]
    import structlog

    structlog.reset_defaults()
    with capture_logs() as first:
        notify(low.ledger, low.clock())
    with capture_logs() as second:
        notify(low.ledger, low.clock())

    assert expected == [line["event"] for line in first]
    assert [] == second
