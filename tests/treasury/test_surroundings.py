"""Surroundings of the daemon: production refuses what would let somebody past it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.load import load_settings
from config.settings import Settings
from policies.law import Profile, canonical_law, law_digest
from policies.terms import Stamp
from tests.fakes.ledgers import FILE, fresh_ledger
from tests.fakes.nobody import NOBODY, as_nobody
from tests.laws import make_law
from treasury.ledger import marks
from treasury.surroundings import UnsafeSurroundingsError, clock_lag, look_around, require_safe

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config/treasuryd.toml"
PRODUCTION = replace(make_law().law, profile=Profile.PRODUCTION)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that a user without rights may enter and not change, with settings of ours in it."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        place.chmod(0o755)
        (place / "state").mkdir(mode=0o700)
        (place / "treasuryd.toml").write_text("")
        if os.geteuid() == 0:
            os.chown(place / "state", NOBODY, NOBODY)
        yield place


def settings(place: Path) -> Settings:
    """Return the example's settings with a state folder in this place."""
    found = load_settings(EXAMPLE)
    return replace(found, daemon=replace(found.daemon, state_dir=place / "state"))


def seen(place: Path) -> str:
    """Return what the daemon would find there, as the user without rights."""
    found = settings(place)
    return as_nobody(lambda: repr(look_around(found, place / "treasuryd.toml")))


@pytest.mark.skipif(os.geteuid() != 0, reason="settings of another user take root to lay out")
def test_a_place_of_its_own_is_innocent(place: Path) -> None:
    """R5.4: a user of its own, a private folder, settings that it cannot change."""
    assert "Surroundings(is_root=False, loose=(), writable=(), leaves_core=False, swaps=False)" == (
        seen(place)
    )


def test_a_folder_that_others_may_enter_is_loose(place: Path) -> None:
    """R5.4: one bit for the group or for all is one too many."""
    (place / "state").chmod(0o750)

    assert f"loose=('{place / 'state'}',)" in seen(place)


def test_settings_that_the_program_may_change_are_named(place: Path) -> None:
    """R5.4: the file itself, or the folder in which another could take its place."""
    (place / "treasuryd.toml").chmod(0o666)
    file_alone = seen(place)
    place.chmod(0o777)

    assert f"'{place / 'treasuryd.toml'}'" in file_alone
    assert f"'{place}'" in seen(place)


def test_development_is_not_asked(place: Path) -> None:
    """Play money may be played with as root."""
    place.chmod(0o777)
    require_safe(settings(place), place / "treasuryd.toml", make_law().law)
    require_safe(settings(place), place / "treasuryd.toml", None)


def test_production_is_refused_with_everything_that_is_wrong(place: Path) -> None:
    """R5.4: one refusal names all of it."""
    place.chmod(0o777)
    (place / "state").chmod(0o755)

    with pytest.raises(UnsafeSurroundingsError, match=r"state is open .* can be changed"):
        require_safe(settings(place), place / "treasuryd.toml", PRODUCTION)


@pytest.mark.softhsm
def test_the_program_ends_before_it_does_anything(place: Path) -> None:
    """R5.4: `treasuryd run` over a ledger of production says why, once, and asks to be mended."""
    digest, text = "0x" + law_digest(PRODUCTION).hex(), canonical_law(PRODUCTION).decode()
    ledger = fresh_ledger(place / "state")
    with ledger.write() as session:
        marks.keep_law(session, digest, text, now=1)
    ledger.close()
    place.chmod(0o777)
    config = place / "treasuryd.toml"
    config.write_text(f"""[daemon]
state_dir = "{place}/state"
database = "sqlite:///{place}/state/{FILE}"
[signer]
socket = "{place}/signer.sock"
[api]
directory = "{place}/api"
[chains.devnet]
endpoints = ["http://127.0.0.1:1"]
finality = "depth:2"
poll_s = 1
deadline_s = 1
stale_after_s = 30
resend_after_s = 30
bump_after_s = 90
""")
    command = [sys.executable, "-m", "treasury.daemon", "run", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert 78 == done.returncode, done.stderr
    assert f"{place} can be changed by the program itself" in done.stderr
    assert not (place / "api").exists()


@pytest.mark.parametrize(("ahead_s", "is_slow"), [(-30, False), (1, False), (2, True)])
def test_a_block_of_the_future_shows_a_slow_clock(ahead_s: int, *, is_slow: bool) -> None:
    """R5.4: a block cannot be younger than now; more than a second of that is our clock's."""
    head = Stamp(number=7, hash="0x07", time=1_000 + ahead_s)

    assert is_slow == bool(clock_lag(head, 1_000.0))
