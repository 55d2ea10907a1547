"""Install programs, units and examples below DESTDIR; the result needs no virtual environment.

Two read-only folders are laid out: `daemon` with everything the office needs, and `signer` with
the few packages that the vault room may import. Packages are copied from .venv, where every wheel
was checked by its hash; which ones follows from their own metadata, without development and test
tools. The programs start isolated and without `site`, so nothing else is ever imported.
Configuration that exists is never touched.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import re
import shutil
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
SIGNER_NEEDS = ("python-pkcs11", "coincurve", "safe-pysha3")
_LAUNCHER = """\
#!{python} -IS
import sys

sys.path.append("{folder}")

from {module} import main

sys.exit(main())
"""
_MESSAGE = """\
Installed. Next:
  systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload
  copy the examples of {examples} to /etc/treasury and change them
  systemctl enable --now treasury-signer.socket treasury-signer-people.socket \\
    treasuryd-reader.socket treasuryd-operator.socket treasuryd-treasurer.socket \\
    treasuryd-service.socket treasury-signer.service treasuryd.service
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things go: `prefix` is what programs believe, `destdir` stands in front of it."""

    destdir: Path
    prefix: Path
    python: str

    def put(self, path: Path) -> Path:
        """Return the real path of something below DESTDIR, its folder created."""
        real = self.destdir / path.relative_to("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        return real

    @property
    def library(self) -> Path:
        """Return the folder of the programs."""
        return self.prefix / "lib/treasury"

    @property
    def documents(self) -> Path:
        """Return the folder of documents and examples."""
        return self.prefix / "share/doc/treasury"


def closure(names: Iterable[str]) -> list[metadata.Distribution]:
    """Return the named distributions and everything they need here, without extras of ours."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(name) for name in names]
    while waiting:
        wanted = waiting.pop()
        distribution = metadata.distribution(wanted.name)
        key = re.sub(r"[-_.]+", "-", distribution.name).lower()
        needs = list(_needs(distribution, wanted.extras))
        if key in found and not wanted.extras:
            continue
        found[key] = distribution
        waiting += needs
    return [found[key] for key in sorted(found)]


def daemon_needs() -> list[str]:
    """Return what pyproject.toml says that the programs need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [str(line) for line in project["dependencies"]]


def install_room(places: Places, room: str, needs: Iterable[str], ours: Iterable[str]) -> None:
    """Fill one import folder with packages and our own rooms, compiled for a read-only disk."""
    folder = places.put(places.library / room)
    shutil.rmtree(folder, ignore_errors=True)
    for distribution in closure(needs):
        _copy_distribution(distribution, folder)
    for package in ours:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    _make_plain(folder)
    compileall.compile_dir(
        folder,
        quiet=1,
        stripdir=places.destdir,
        prependdir="/",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def install_program(places: Places, name: str, room: str, module: str) -> None:
    """Write one launcher that imports from one room alone."""
    target = places.put(places.library / "bin" / name)
    folder = places.library / room
    target.write_text(_LAUNCHER.format(python=places.python, folder=folder, module=module))
    target.chmod(0o755)


def install_units(places: Places) -> None:
    """Copy units, users and folders of run time; they name the interpreter that was built for."""
    for unit in sorted(
        [*(ROOT / "systemd").glob("*.service"), *(ROOT / "systemd").glob("*.socket")]
    ):
        text = unit.read_text().replace("/usr/bin/python3 ", f"{places.python} ")
        text = text.replace("/usr/lib/treasury", str(places.library))
        places.put(places.prefix / "lib/systemd/system" / unit.name).write_text(text)
    for kind in ("sysusers", "tmpfiles"):
        target = places.put(places.prefix / f"lib/{kind}.d/treasury.conf")
        shutil.copyfile(ROOT / f"systemd/{kind}.conf", target)


def install_documents(places: Places) -> None:
    """Copy what an operator reads at night, and the commented examples."""
    for name in ("README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"):
        shutil.copyfile(ROOT / name, places.put(places.documents / name))
    for page in (ROOT / "systemd").glob("*.md"):
        shutil.copyfile(page, places.put(places.documents / page.name))
    for example in (ROOT / "config").glob("*.toml"):
        shutil.copyfile(example, places.put(places.documents / "examples" / example.name))


def install(places: Places) -> None:
    """Install everything."""
    ours = ("policies", "hsm", "config", "treasury")
    install_room(places, "daemon", daemon_needs(), ours)
    install_room(places, "signer", SIGNER_NEEDS, ("policies", "hsm"))
    install_program(places, "treasuryd", "daemon", "treasury.daemon")
    install_program(places, "treasuryctl", "daemon", "treasury.cli.main")
    install_program(places, "treasury-signer", "signer", "hsm.__main__")
    for name in ("treasuryd", "treasuryctl"):
        link = places.put(places.prefix / "bin" / name)
        link.unlink(missing_ok=True)
        link.symlink_to(places.library / "bin" / name)
    install_units(places)
    install_documents(places)


def main() -> int:
    """Install below the DESTDIR and PREFIX of the environment."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    places = Places(
        destdir=Path(os.environ.get("DESTDIR") or "/").resolve(),
        prefix=Path(os.environ.get("PREFIX") or "/usr"),
        python=os.environ.get("TARGET_PYTHON") or f"/usr/bin/python{version}",
    )
    if places.destdir == Path("/") and not Path(places.python).exists():
        print(f"{places.python} is missing: install it, or build with make PYTHON=/usr/bin/python3")
        return 1
    install(places)
    print(_MESSAGE.format(examples=places.documents / "examples"), end="")
    return 0


def _needs(distribution: metadata.Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    for line in distribution.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def _copy_distribution(distribution: metadata.Distribution, folder: Path) -> None:
    """Copy what belongs into site-packages; console scripts and bytecode stay behind."""
    for file in distribution.files or ():
        if ".." in file.parts or "__pycache__" in file.parts or file.suffix == ".pth":
            continue
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(distribution.locate_file(file)), target)


def _make_plain(folder: Path) -> None:
    """Give every file the same mode and time, so that two installations are equal."""
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (moment, moment))


if __name__ == "__main__":
    sys.exit(main())
