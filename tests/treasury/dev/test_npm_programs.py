"""What development takes from npm: found when installed, told clearly when not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.fakes.nodes import CHAIN_ID, DEPTH_2, absent
from treasury.chain.node import connect_node
from treasury.dev import npm
from treasury.dev.chain.launch import ChainOptions, running_chain
from treasury.dev.node_client import DevelopmentNode, DevelopmentNodeError

LOCK = Path(__file__).parents[3] / "tools/npm/package-lock.json"
ALICE = "0x" + "a1" * 20


def test_every_package_is_pinned_with_its_hash_and_no_place_is_named() -> None:
    """R5.8: versions are exact, every package has an integrity hash, no address is written."""
    lock = json.loads(LOCK.read_text())
    root = lock["packages"].pop("")
    wanted = root["dependencies"] | root["optionalDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert all(found["integrity"].startswith("sha512-") for found in lock["packages"].values())
    assert "://" not in LOCK.read_text()


@pytest.mark.sockets
def test_anvil_starts_like_our_own_chain() -> None:
    """Chain id, coins and a depth of two blocks are as asked for."""
    program = npm.anvil_program()
    if not program:
        absent("anvil is not installed: install npm and type make")
    options = ChainOptions(chain_id=CHAIN_ID, anvil=program, funds={ALICE: 7})
    with running_chain(options) as running:
        node = DevelopmentNode(running.url)
        chain = connect_node(running.url, chain_id=CHAIN_ID, finality=DEPTH_2, deadline_s=5)
        assert node.number("eth_getBalance", ALICE, "latest") == 7 * 10**18
        node.mine(5)
        assert chain.finalised(chain.head()).number == 3
        with pytest.raises(DevelopmentNodeError, match="no_such_method"):
            node.call("no_such_method")
        node.close()
        chain.close()


def test_our_own_chain_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, or with the name of our own chain, there is no other binary."""
    monkeypatch.delenv("TREASURY_CHAIN", raising=False)
    assert npm.wanted_anvil() == ""
    monkeypatch.setenv("TREASURY_CHAIN", "eth-tester")
    assert npm.wanted_anvil() == ""


def test_a_wish_that_cannot_be_met_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Asked for and not installed says what to do; on the PATH it is found."""
    monkeypatch.setenv("TREASURY_CHAIN", "anvil")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(npm, "_MODULES", tmp_path)
    with pytest.raises(npm.ProgramMissingError, match="install npm"):
        npm.wanted_anvil()
    (tmp_path / "anvil").write_text("#!/bin/sh\n")
    (tmp_path / "anvil").chmod(0o755)
    assert npm.wanted_anvil() == str(tmp_path / "anvil")
