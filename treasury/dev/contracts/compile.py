"""`python -m treasury.dev.contracts.compile`: compile the development contracts into artifacts.

The compiler is the pinned one of tools/npm. What it makes is checked in, so that nobody needs it
to use the contracts, and a test compiles again and compares.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from treasury.dev.contracts import ARTIFACTS, ContractError
from treasury.dev.npm import npm_package

_SOURCES = ARTIFACTS.parent / "sources"
_DEADLINE_S = 120
# The oldest instruction set that still fits: every chain of today runs it, py-evm and anvil too.
_SETTINGS: Mapping[str, Any] = {
    "evmVersion": "paris",
    "optimizer": {"enabled": True, "runs": 10_000},
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
}


class CompilerMissingError(ContractError):
    """The pinned compiler, or the program that runs it, is not installed."""


def compile_all() -> dict[str, str]:
    """Compile every source and return the artifacts' text by contract name.

    Raises `CompilerMissingError` without node or the compiler, `ContractError` for wrong sources.
    """
    sources = {path.name: path.read_text() for path in sorted(_SOURCES.glob("*.sol"))}
    compiler, version = _compiler()
    output = _run(compiler, sources)
    digest = source_digest()
    return {
        name: _artifact(name, contract, compiler=version, digest=digest)
        for file, contracts in sorted(output["contracts"].items())
        for name, contract in sorted(contracts.items())
        if f"{name}.sol" == file and contract["evm"]["bytecode"]["object"]
    }


def source_digest() -> str:
    """Return the SHA-256 of all sources and settings: which sources an artifact was made from."""
    digest = sha256(json.dumps(_SETTINGS, sort_keys=True).encode())
    for path in sorted(_SOURCES.glob("*.sol")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def main() -> int:
    """Write the artifacts."""
    try:
        artifacts = compile_all()
    except ContractError as error:
        print(f"cannot compile: {error}", file=sys.stderr)
        return 1
    ARTIFACTS.mkdir(exist_ok=True)
    for stale in {path.stem for path in ARTIFACTS.glob("*.json")} - artifacts.keys():
        (ARTIFACTS / f"{stale}.json").unlink()
    for name, text in artifacts.items():
        (ARTIFACTS / f"{name}.json").write_text(text)
    print(f"{len(artifacts)} contracts")
    return 0


def _compiler() -> tuple[list[str], str]:
    node, package = shutil.which("node"), npm_package("solc")
    if node is None or package is None:
        raise CompilerMissingError("node or the package solc is missing: install npm, type make")
    version = json.loads((package / "package.json").read_text())["version"]
    return [node, str(package / "solc.js"), "--standard-json"], f"solc {version}"


def _run(command: list[str], sources: Mapping[str, str]) -> dict[str, Any]:
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": dict(_SETTINGS),
    }
    # Into a file: the compiler ends before a pipe has taken everything that it wrote.
    with tempfile.TemporaryFile("w+") as answer:
        done = subprocess.run(
            command,
            input=json.dumps(request),
            stdout=answer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_DEADLINE_S,
            check=False,
        )
        answer.seek(0)
        text = answer.read()
    # What stands before the first brace is a greeting.
    start = text.find("{")
    if done.returncode or start < 0:
        raise ContractError(f"the compiler failed: {done.stderr.strip()[:500]}")
    output: dict[str, Any] = json.loads(text[start:])
    problems = [found["formattedMessage"] for found in output.get("errors", [])]
    if problems:
        raise ContractError("\n".join(problems))
    return output


def _artifact(name: str, contract: Mapping[str, Any], *, compiler: str, digest: str) -> str:
    body = {
        "contract": name,
        "compiler": compiler,
        "evm": _SETTINGS["evmVersion"],
        "sources": digest,
        "abi": contract["abi"],
        "bytecode": contract["evm"]["bytecode"]["object"],
    }
    return json.dumps(body, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
