"""Treasurers type a law of a thousand wallets into the real commands before the real signer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from eth_keyfile.keyfile import create_keyfile_json

from policies.law import law_digest, parse_law
from tests.fakes.law_file import as_toml
from tests.fakes.softhsm import SoftHsm
from tests.fakes.vault_room import real_settings
from tests.hsm.test_process import running, write_toml
from tests.hsm.wire.test_long_law import CHAINS, document_of_chains
from tests.laws import key_of

_ROOT = Path(__file__).parents[2]


def keystore_of(folder: Path, name: str) -> list[str]:
    """Write a keystore and return the options with which its owner signs."""
    document = create_keyfile_json(key_of(name).secret, b"word", kdf="pbkdf2", iterations=2)
    (folder / f"{name}.json").write_text(json.dumps(document))
    (folder / "password").write_text("word\n")
    options = ["--keystore", str(folder / f"{name}.json")]
    return [*options, "--password-file", str(folder / "password"), "--yes"]


@pytest.mark.soak
@pytest.mark.sockets
@pytest.mark.softhsm
def test_a_law_of_a_thousand_wallets_is_typed_signed_and_adopted(
    softhsm: SoftHsm, tmp_path: Path
) -> None:
    """Genesis and a change: each signed by two people in a file, handed in, told by the status."""
    settings, document = real_settings(softhsm), document_of_chains(CHAINS)

    def type_in(*words: str) -> str:
        command = [sys.executable, "-m", "treasury.cli.main", *words]
        command += ["--signer", str(settings.people_socket)]
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert (0, "") == (done.returncode, done.stderr), done.stdout[-500:]
        return done.stdout

    with running(settings, write_toml(settings)):
        for activation_s in (0, 60):
            document["activation_s"] = activation_s
            law = tmp_path / f"law-{activation_s}.toml"
            law.write_text(as_toml(document))
            collected = str(tmp_path / f"adoption-{activation_s}.json")
            for name in ("alice", "bob"):
                type_in("law", "sign", collected, "--law", str(law), *keystore_of(tmp_path, name))
            adopted = type_in("law", "adopt", collected)
            status = json.loads(type_in("signer", "status", "--json"))
            digest = "0x" + law_digest(parse_law(document)).hex()

            assert digest in adopted
            assert digest == status["lawDigest"]
            assert 4 * CHAINS == len(status["nonces"])
