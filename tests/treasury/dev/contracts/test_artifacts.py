"""The artifacts are what the sources say, and the daemon's copy of the reader is the artifact."""

from __future__ import annotations

import json

import pytest

from tests.fakes.nodes import absent
from treasury.chain.reader_code import CREATION_CODE
from treasury.dev.contracts import ARTIFACTS, ContractError, load_artifact
from treasury.dev.contracts.compile import CompilerMissingError, compile_all, source_digest

ADVICE = "type .venv/bin/python -m treasury.dev.contracts.compile"


@pytest.mark.again
def test_compiling_again_gives_the_same_artifacts() -> None:
    """The pinned compiler makes of the sources, byte for byte, what is checked in."""
    try:
        made = compile_all()
    except CompilerMissingError as error:
        absent(str(error))
    kept = {path.stem: path.read_text() for path in ARTIFACTS.glob("*.json")}
    assert made == kept, ADVICE


def test_no_source_changed_without_compiling() -> None:
    """Every artifact names the digest of the present sources; this needs no compiler."""
    named = {json.loads(path.read_text())["sources"] for path in ARTIFACTS.glob("*.json")}
    assert named == {source_digest()}, ADVICE


def test_the_daemons_reader_is_the_compiled_one() -> None:
    """The daemon runs without the development room, so it has a copy; the copy is exact."""
    assert load_artifact("BalanceReader").bytecode.hex() == CREATION_CODE


def test_an_unknown_contract_or_function_is_told() -> None:
    """The message names what there is."""
    with pytest.raises(ContractError, match="SilentToken"):
        load_artifact("Tether")
    with pytest.raises(ContractError, match="no function fly"):
        load_artifact("Multicall").inputs("fly")
    assert load_artifact("Multicall").inputs("") == ()
    assert load_artifact("Multicall").inputs("getBlockHash") == ("uint256",)
