"""Contracts for development: tokens good and odd, a multicall, and the reader of balances.

The sources are in `sources/`, what the pinned compiler made of them in `artifacts/`.
`deploy.py` puts them on a development chain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treasury.errors import TreasuryError

ARTIFACTS = Path(__file__).parent / "artifacts"


class ContractError(TreasuryError):
    """A development contract is unknown, cannot be compiled, or refused a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One compiled contract: its interface and its creation code."""

    name: str
    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes

    def inputs(self, function: str) -> tuple[str, ...]:
        """Return the types of a function's inputs, of the constructor's for an empty name."""
        kind = "function" if function else "constructor"
        for entry in self.abi:
            if entry["type"] == kind and entry.get("name", "") == function:
                return tuple(str(field["type"]) for field in entry["inputs"])
        if not function:
            return ()
        raise ContractError(f"{self.name} has no function {function}")


def load_artifact(name: str) -> Artifact:
    """Return a compiled contract by its name; raises `ContractError` when there is none."""
    path = ARTIFACTS / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in ARTIFACTS.glob("*.json")))
        raise ContractError(f"there is no contract {name}: choose one of {known}")
    body = json.loads(path.read_text())
    return Artifact(name=name, abi=body["abi"], bytecode=bytes.fromhex(body["bytecode"]))
