"""Where the programs lie that development takes from npm; `tools/bootstrap.sh` puts them there."""

from __future__ import annotations

import shutil
from pathlib import Path

from config.development import development_chain
from treasury.errors import TreasuryError

_MODULES = Path(__file__).parents[2] / "build/npm/node_modules"
_ANVIL_PACKAGE = "@foundry-rs/anvil-linux-amd64"


class ProgramMissingError(TreasuryError):
    """A program that was asked for is not installed."""


def npm_package(name: str) -> Path | None:
    """Return the folder of an installed package."""
    folder = _MODULES / name
    return folder if folder.is_dir() else None


def anvil_program() -> str:
    """Return the path of the anvil binary: the pinned one, else one on the PATH, else nothing."""
    package = npm_package(_ANVIL_PACKAGE)
    pinned = None if package is None else package / "bin/anvil"
    if pinned is not None and pinned.is_file():
        return str(pinned)
    return shutil.which("anvil") or ""


def wanted_anvil() -> str:
    """Return the anvil binary when `TREASURY_CHAIN` asks for it, and nothing for our own chain.

    Raises `ProgramMissingError` when it is asked for and missing.
    """
    if development_chain() != "anvil":
        return ""
    program = anvil_program()
    if not program:
        raise ProgramMissingError(
            "TREASURY_CHAIN=anvil, but anvil is not installed: install npm and type make"
        )
    return program
