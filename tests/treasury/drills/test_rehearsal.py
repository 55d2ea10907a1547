"""Dry runs: what would be missing in the hour of need ends the drill, by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from config.load import load_settings
from config.settings import Settings
from policies.lifecycles import Owner, WalletState
from tests.fakes.belt import Belt
from tests.laws import ETH, make_law
from treasury.drills.record import Drill, DrillError, DrillKind, DrillMode
from treasury.drills.rehearsal import Place, rehearse
from treasury.ledger import moves
from treasury.ledger.queries import standings

pytestmark = pytest.mark.usefixtures("quiet")
EXAMPLE = Path(__file__).parents[3] / "config/treasuryd.toml"


@pytest.fixture
def belt(directory: Path) -> Belt:
    """A belt that has looked at its chain."""
    made = Belt(directory, hot=60 * ETH)
    made.run(3)
    return made


def place(belt: Belt) -> Place:
    """Return the belt as a deployment without nodes."""
    settings: Settings = replace(load_settings(EXAMPLE), chains={})
    return Place(settings=settings, ledger=belt.ledger, signer=belt.signer, law=belt.law)


def walk(belt: Belt, kind: DrillKind) -> list[str]:
    """Walk through one drill and return what happened."""
    drill = Drill(kind=kind, mode=DrillMode.DRY_RUN)
    rehearse(place(belt), drill)
    return [step.what for step in drill.steps]


def test_an_isolation_is_walked_through_to_the_successors_key(belt: Belt) -> None:
    """R1.7: who would fall, who would take over, whether its key answers; nothing changes."""
    steps = walk(belt, DrillKind.ISOLATE)

    assert "hot-a would fall, rack-1 with it" in steps
    assert "hot-b would take over: its key answers" in steps
    with belt.ledger.read() as session:
        wallet = standings.wallet(session, "hot-a")
    assert wallet is not None
    assert WalletState.ACTIVE is wallet.state


def test_no_standby_ends_it(belt: Belt) -> None:
    """A pool whose only standby is cut off already has nobody to take over."""
    with belt.ledger.write() as session:
        spare = standings.wallet(session, "hot-b")
        assert spare is not None
        state, now = WalletState.ISOLATED, belt.clock.unix()
        moves.move(session, spare, state, actor=Owner.GUARD, why="a test", now=now)

    with pytest.raises(DrillError, match="nobody would take over for hot-a"):
        walk(belt, DrillKind.ISOLATE)


def test_one_fate_for_both_ends_it(directory: Path) -> None:
    """A successor that falls with the fallen is none."""
    belt = Belt(directory, law=make_law(**{"wallets.hot-b.fate_group": "rack-1"}).law)
    belt.run(3)

    with pytest.raises(DrillError, match="one fate group"):
        walk(belt, DrillKind.ISOLATE)


def test_a_silent_signer_ends_it(belt: Belt) -> None:
    """Without the signer nothing of it would work."""
    belt.signer.is_away = True

    for kind in (DrillKind.ISOLATE, DrillKind.STOLEN_KEY, DrillKind.HSM_LOSS):
        with pytest.raises(DrillError, match="the signer is away"):
            walk(belt, kind)


def test_a_loss_that_nobody_accepts_ends_it(directory: Path) -> None:
    """R2.14: the drill of a stolen key compares what it could cost with `max_loss`."""
    belt = Belt(directory, law=make_law(**{"chains.devnet.max_loss": {"ETH": "90 ETH"}}).law)
    belt.run(3)

    with pytest.raises(DrillError, match="more than max_loss could be stolen"):
        walk(belt, DrillKind.STOLEN_KEY)


def test_every_key_proves_itself(belt: Belt) -> None:
    """The loss of a token is rehearsed by asking each key for a proof that is no transaction."""
    steps = walk(belt, DrillKind.HSM_LOSS)

    assert {f"the key of {name} proves itself" for name in ("vault", "hot-a", "hot-b")} <= set(
        steps
    )


def test_a_copy_of_the_ledger_is_made_and_proved(belt: Belt) -> None:
    """A restore is rehearsed on a copy that is thrown away."""
    steps = walk(belt, DrillKind.RESTORE)

    assert "the copy opens, and its chain of hashes holds" in steps
    assert "a restored ledger would catch up from it" in steps[-1]
