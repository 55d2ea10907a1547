"""Where the programs lie that development takes from npm; `tools/bootstrap.sh` puts them there."""

from __future__ import annotations

import shutil
from pathlib import Path

_MODULES = Path(__file__).parents[2] / "build/npm/node_modules"
_ANVIL_PACKAGE = "@foundry-rs/anvil-linux-amd64"


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
