"""Rows that share a commit: all together, or each by itself when one was moved meanwhile."""

from __future__ import annotations

from functools import partial

import pytest

from tests.fakes.belt import Belt
from treasury.errors import StaleRowError, TwinError
from treasury.ledger import Session, marks
from treasury.ledger.queries import standings
from treasury.orders.together import write_together


@pytest.fixture
def belt(directory: pytest.TempPathFactory, quiet: None) -> Belt:
    """A belt with a fresh ledger."""
    return Belt(directory)  # type: ignore[arg-type]


def remember(session: Session, *, name: str) -> str:
    """Write one value and say so."""
    marks.remember(session, name, "written")
    return name


def stumble(session: Session, *, error: Exception) -> str:
    """Write something, then find that the row was moved."""
    marks.remember(session, "half", "written")
    raise error


def known(belt: Belt, name: str) -> str | None:
    """Return what the ledger remembers."""
    with belt.ledger.read() as session:
        return standings.remembered(session, name)


def test_all_share_one_commit(belt: Belt) -> None:
    """Three rows, one flush to the disk."""
    commits: list[Session] = []
    plain = belt.ledger.commit

    def counted(session: Session) -> None:
        commits.append(session)
        plain(session)

    belt.ledger.commit = counted  # type: ignore[method-assign]
    found = write_together(belt.ledger, [partial(remember, name=n) for n in ("a", "b", "c")])

    assert (found, len(commits)) == (["a", "b", "c"], 1)


@pytest.mark.parametrize("error", [StaleRowError("moved"), TwinError("twin")])
def test_one_that_was_moved_stands_in_nobodys_way(belt: Belt, error: Exception) -> None:
    """The others are written all the same, and nothing of the one that stumbled is left."""
    pieces = [
        partial(remember, name="a"),
        partial(stumble, error=error),
        partial(remember, name="b"),
    ]
    found = write_together(belt.ledger, pieces)

    assert found == ["a", error, "b"]
    assert (known(belt, "a"), known(belt, "half"), known(belt, "b")) == ("written", None, "written")


def test_what_is_ours_is_raised_and_nothing_is_written(belt: Belt) -> None:
    """R1.10: any other error undoes everything and reaches the tick."""
    pieces = [partial(remember, name="a"), partial(stumble, error=ValueError("ours"))]
    with pytest.raises(ValueError, match="ours"):
        write_together(belt.ledger, pieces)

    assert known(belt, "a") is None


def test_nothing_to_write_opens_no_transaction(belt: Belt) -> None:
    """An empty round costs nothing."""
    belt.ledger.close()

    assert write_together(belt.ledger, []) == []
