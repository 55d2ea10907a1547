"""Surroundings of the signer: production refuses what would let somebody past it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hsm.process.surroundings import look_around, require_safe
from hsm.settings import Settings, load_settings
from policies.law import Profile
from tests.fakes.nobody import NOBODY, as_nobody

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config/signer.toml"
ON = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 1024 0 -2\n"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that a user without rights may enter and not change."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        place.chmod(0o755)
        (place / "state").mkdir(mode=0o700)
        (place / "signer.toml").write_text("")
        if os.geteuid() == 0:
            os.chown(place / "state", NOBODY, NOBODY)
        yield place


def settings(place: Path) -> Settings:
    """Return the example's settings with a book in this place."""
    return replace(load_settings(EXAMPLE), book=place / "state/book.sqlite3")


def seen(place: Path, *, unhardened: tuple[str, ...] = (), swaps: str = "Filename\n") -> str:
    """Return what the signer would find there, as the user without rights."""
    (place / "swaps").write_text(swaps)
    found = settings(place)
    file = place / "signer.toml"
    return as_nobody(lambda: repr(look_around(found, file, unhardened, swaps=place / "swaps")))


def test_each_danger_is_found_where_it_is(place: Path) -> None:
    """R5.4: a loose folder, settings in its own hands, a core, and secrets on a swap device."""
    (place / "state").chmod(0o710)
    (place / "signer.toml").chmod(0o666)
    found = seen(place, unhardened=("the process stays dumpable",), swaps=ON)

    assert f"loose=('{place / 'state'}',)" in found
    assert f"'{place / 'signer.toml'}'" in found
    assert "leaves_core=True, swaps=True" in found


@pytest.mark.skipif(os.geteuid() != 0, reason="settings of another user take root to lay out")
def test_a_place_of_its_own_is_innocent(place: Path) -> None:
    """R5.4: the same without any of that."""
    innocent = "Surroundings(is_root=False, loose=(), writable=(), leaves_core=False, swaps=False)"

    assert innocent == seen(place)


def test_what_cannot_be_seen_counts_as_swap(place: Path) -> None:
    """R5.4: a unit hides the list of devices; then memory must be locked."""
    found = settings(place)

    assert look_around(found, place / "signer.toml", (), swaps=place / "hidden").swaps


def test_development_is_not_asked(place: Path) -> None:
    """Play money may be played with as root."""
    place.chmod(0o777)
    playing = replace(settings(place), profile=Profile.DEVELOPMENT)

    require_safe(playing, place / "signer.toml", ("the process stays dumpable",))


def test_the_program_ends_before_it_opens_anything(place: Path) -> None:
    """R5.4: `treasury-signer` with settings that it could change says so and asks to be mended."""
    text = EXAMPLE.read_text().replace("/var/lib/treasury-signer", f"{place}/state")
    (place / "signer.toml").write_text(text)
    place.chmod(0o777)
    command = [sys.executable, "-m", "hsm", "--config", str(place / "signer.toml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert 78 == done.returncode, done.stderr
    assert f"{place} can be changed by the program itself" in done.stderr
    assert not (place / "state/book.sqlite3").exists()
