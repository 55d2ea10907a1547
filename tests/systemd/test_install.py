"""What `make install` lays out: two closed folders and programs that import from nowhere else."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
# R5.2: whoever adds a package to the process with the keys adds it here, and says why.
SIGNER_IMPORTS = {
    "_libsecp256k1",  # coincurve's C part
    "_pysha3",  # safe-pysha3's C part
    "asn1crypto",  # python-pkcs11 parses EC points with it
    "coincurve",
    "hsm",
    "pkcs11",
    "policies",
    "sha3",
}
_IMPORT_ALL = """
import importlib, pkgutil, sys
folder = sys.argv[1]
sys.path.append(folder)
import hsm
for found in pkgutil.walk_packages(hsm.__path__, "hsm."):
    if found.name != "hsm.__main__":
        importlib.import_module(found.name)
mine = {name.split(".")[0] for name, module in sys.modules.items()
        if (getattr(module, "__file__", None) or "").startswith(folder)}
foreign = {name for name, module in sys.modules.items()
           if "-packages" in (getattr(module, "__file__", None) or "")}
print(*sorted(mine))
print(*sorted(foreign))
"""
DENY_WRITABLE_CODE = """
import ctypes, mmap
assert ctypes.CDLL(None, use_errno=True).prctl(65, 1, 0, 0, 0) == 0, "no PR_SET_MDWE here"
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    pass
else:
    raise SystemExit("memory may still be writable and executable")
"""


def load_installer() -> ModuleType:
    """Return tools/install.py as a module."""
    spec = importlib.util.spec_from_file_location("treasury_install", ROOT / "tools/install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


installer = load_installer()


def install_signer(folder: Path) -> Path:
    """Install the signer's room below `folder` and return its import folder."""
    places = installer.Places(destdir=folder, prefix=Path("/usr"), python=sys.executable)
    installer.install_room(places, "signer", installer.SIGNER_NEEDS, ("policies", "hsm"))
    return folder / "usr/lib/treasury/signer"


@pytest.fixture(scope="module")
def signer_room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed signer's room, shared by the tests of this file."""
    return install_signer(tmp_path_factory.mktemp("signer"))


def run_isolated(code: str, *arguments: str | Path, **environ: str) -> list[str]:
    """Run code as the signer is run, and return its lines of output."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def fingerprint(folder: Path) -> str:
    """Return one digest over every path and every byte below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def test_the_signer_imports_a_frozen_list_and_nothing_else(signer_room: Path) -> None:
    """R5.2: every module of the signer together brings in exactly these packages."""
    mine, foreign = run_isolated(_IMPORT_ALL, signer_room)

    assert set(mine.split()) == SIGNER_IMPORTS
    assert foreign == ""


def test_the_signer_runs_where_memory_is_never_writable_and_executable(signer_room: Path) -> None:
    """R5.2: imports succeed under MemoryDenyWriteExecute."""
    run_isolated(DENY_WRITABLE_CODE + _IMPORT_ALL, signer_room)


def test_the_daemon_runs_without_writable_code_and_without_pkcs11() -> None:
    """R3.1, R5.2: the office starts under MemoryDenyWriteExecute and never maps the library."""
    code = DENY_WRITABLE_CODE + (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import treasury.app, treasury.api.app, treasury.cli.main, treasury.ledger\n"
        "print('pkcs11' in sys.modules, 'pkcs11' in open('/proc/self/maps').read())\n"
    )
    packages = sysconfig.get_path("purelib")

    assert run_isolated(code, ROOT, packages) == ["False False"]


def test_planted_startup_code_is_not_executed(signer_room: Path, tmp_path: Path) -> None:
    """R5.3: neither a .pth file nor sitecustomize nor PYTHONPATH runs inside the signer."""
    trace = tmp_path / "trace"
    trap = f"open({str(trace)!r}, 'w').close()"
    planted = tmp_path / "planted"
    planted.mkdir()
    for folder in (planted, signer_room):
        (folder / "evil.pth").write_text(f"import os; {trap}\n")
        (folder / "sitecustomize.py").write_text(trap)
        (folder / "usercustomize.py").write_text(trap)

    run_isolated(_IMPORT_ALL, signer_room, PYTHONPATH=str(planted), PYTHONSTARTUP=str(planted))

    for name in ("evil.pth", "sitecustomize.py", "usercustomize.py"):
        (signer_room / name).unlink()
    assert not trace.exists()


def test_two_installations_are_equal_to_the_byte(tmp_path: Path) -> None:
    """R5.8: what is installed depends on the sources and the lock alone."""
    first = install_signer(tmp_path / "first")
    second = install_signer(tmp_path / "second")

    assert fingerprint(first) == fingerprint(second)


def test_the_daemon_is_installed_without_development_and_test_tools() -> None:
    """Production carries no EVM, no test runner and no linter."""
    names = {found.name.lower() for found in installer.closure(installer.daemon_needs())}

    assert {"web3", "sqlmodel", "python-pkcs11"} <= names
    assert not names & {"eth-tester", "py-evm", "pytest", "mypy", "ruff", "hypothesis", "pip"}


def test_existing_configuration_is_never_touched(tmp_path: Path) -> None:
    """Installing writes examples beside the documents and nothing into /etc."""
    places = installer.Places(destdir=tmp_path, prefix=Path("/usr"), python="/usr/bin/python3")
    installer.install_units(places)
    installer.install_documents(places)

    assert not (tmp_path / "etc").exists()
    assert (tmp_path / "usr/share/doc/treasury/examples/law.toml").exists()
    assert (tmp_path / "usr/lib/sysusers.d/treasury.conf").exists()
