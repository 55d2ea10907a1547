"""Evidence is checked by a program that shares nothing with us; whatever was changed is found."""

from __future__ import annotations

import ast
import copy
import hashlib
import importlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from hsm.client import SignerClient
from policies.lifecycles import WithdrawalState
from policies.terms import MotionKind
from tests.fakes.belt import Belt
from tests.fakes.checkpoint_key import KEY, SigningClient, sign_head
from tests.fakes.motions import approve, propose
from tests.laws import ETH, address_of
from treasury.evidence_file.files import EvidenceFiles
from treasury.ledger.columns import canonical_json

TOOLS = Path(__file__).parents[3] / "tools"
OURS = ("verify_evidence.py", "evidence_content.py", "evidence_proofs.py")
Json = dict[str, Any]


def check(text: str, key: bytes | None = KEY) -> list[str]:
    """Run the program's check in this process; return what it finds."""
    sys.path.insert(0, str(TOOLS))
    try:
        program = importlib.import_module("verify_evidence")
    finally:
        sys.path.remove(str(TOOLS))
    return list(program.problems(text, key))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Evidence of a treasury that refilled, paid, vetoed, rotated, and was robbed."""
    belt = Belt(tmp_path_factory.mktemp("evidence"))
    belt.settle_one()
    paid = belt.ask_withdrawal(ETH, "customer")
    belt.until(lambda: belt.withdrawal(paid.id).state is WithdrawalState.PAID)
    approve(belt, propose(belt, MotionKind.RESUME, {"why": "all is well"}), "alice", "bob")
    belt.chain.spend(address_of("hot-a"), address_of("thief"), 5 * ETH)
    belt.chain.mine()
    belt.run(10)
    signer = cast("SignerClient", SigningClient(belt.signer, belt.world.deployment))
    files = EvidenceFiles(
        ledger=belt.ledger, signer=signer, deployment=belt.world.deployment, clock=belt.clock
    )
    made = files.make()
    assert made is not None
    assert not made.unsigned
    return made.text


def test_the_whole_file_is_checked_by_another_program(text: str, tmp_path: Path) -> None:
    """R1.8: keys, consent, orders, transactions, reckoning and journal fit, offline."""
    file = tmp_path / "evidence.json"
    file.write_text(text)
    command = [sys.executable, str(TOOLS / "verify_evidence.py"), str(file), "--key", KEY.hex()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    content = json.loads(text)["content"]
    full = ("laws", "keys", "approvals", "refills", "withdrawals", "motions", "transfers")

    assert (0, "") == (done.returncode, done.stderr)
    assert "everything fits" == done.stdout.splitlines()[-1]
    assert all(content[name] for name in (*full, "reconciliation"))
    assert all(key["proof"] for key in content["keys"])
    assert {"0"} < {line["other"] for line in content["reconciliation"]}


def test_every_payment_is_told_from_consent_to_its_block(text: str) -> None:
    """R8.12: the sentence, the people with their signatures, the law, the bytes, and the block.

    The program finds each of them missing or changed; see the lies below.
    """
    content, lines = (json.loads(text)[name] for name in ("content", "journal"))
    laws = {law["digest"] for law in content["laws"]}
    mined = {line["subject"] for line in lines if line["kind"] == "transfer_mined"}
    paid = [t for t in content["transfers"] if t["state"] == "CONFIRMED"]

    assert {"refill", "withdrawal", "evacuation"} <= {t["terms"]["purpose"] for t in paid}
    for payment in paid:
        voices = {
            a["treasurer"] for a in content["approvals"] if a["digest"] == payment["order_id"]
        }
        assert payment["terms"]["what"]
        assert payment["terms"]["lawDigest"] in laws
        assert len(voices) == (2 if payment["terms"]["purpose"] == "refill" else 0)
        assert any(attempt["raw"] for attempt in payment["attempts"])
        assert payment["block_hash"]
        assert f"transfer:{payment['id']}" in mined


@pytest.mark.parametrize(
    ("key", "name", "words"),
    [
        (KEY.hex(), "missing.json", "name what `treasuryctl evidence export` wrote"),
        ("04" + KEY.hex(), "evidence.json", "write the 128 hexadecimal digits"),
        ("no key", "evidence.json", "write the 128 hexadecimal digits"),
    ],
)
def test_what_cannot_be_checked_is_told_in_one_line(
    tmp_path: Path, key: str, name: str, words: str
) -> None:
    """A wrong path and a wrong key are the caller's mistakes, and nothing is called proved."""
    (tmp_path / "evidence.json").write_text("{}")
    command = [sys.executable, str(TOOLS / "verify_evidence.py"), str(tmp_path / name)]
    done = subprocess.run([*command, "--key", key], capture_output=True, text=True, check=False)

    assert (2, "") == (done.returncode, done.stdout)
    assert words in done.stderr.splitlines()[-1]


def test_the_program_shares_no_code_with_the_daemon() -> None:
    """R1.8: nothing is imported but the standard library, recovery and Keccak."""
    names = set()
    for name in OURS:
        for node in ast.walk(ast.parse((TOOLS / name).read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
    outside = names - set(sys.stdlib_module_names)

    assert {"coincurve", "sha3", "evidence_content", "evidence_proofs"} == outside


def test_any_other_byte_is_found(text: str) -> None:
    """R1.8: a byte changed, dropped or added anywhere makes the check fail."""
    dice = random.Random(8)
    for _ in range(60):
        at = dice.randrange(len(text))
        other = chr((ord(text[at]) + dice.randrange(1, 90)) % 94 + 33)
        damaged = [text[:at] + text[at + 1 :], text[:at] + other + text[at:]]
        damaged += [text[:at] + other + text[at + 1 :]] * (other != text[at])
        assert all(check(one) for one in damaged), at


def test_a_file_without_the_right_signature_proves_nothing(text: str) -> None:
    """R7.2: whoever makes all of it anew lacks the checkpoint key."""
    document = json.loads(text)
    content = document["content"]
    content["refills"][0]["state"] = "EXPIRED"
    other = canonical_json(_sealed(document, with_key=False)) + "\n"
    document["checkpoint"] = None

    assert any("not signed by the checkpoint key" in problem for problem in check(other))
    assert any("nobody signed" in p for p in check(canonical_json(document) + "\n"))
    assert any("names another key" in p for p in check(text, key=bytes(64)))


def _drop_approvals(content: Json) -> None:
    content["approvals"] = []


def _other_amount(content: Json) -> None:
    content["refills"][0]["terms"]["amount"] = "1"


def _other_state(content: Json) -> None:
    content["withdrawals"][0]["state"] = "REFUSED"


def _other_payee(content: Json) -> None:
    transfer = next(t for t in content["transfers"] if t["terms"]["purpose"] == "withdrawal")
    transfer["terms"]["to"] = address_of("thief")


def _other_bytes(content: Json) -> None:
    first, second = (t["attempts"][0] for t in content["transfers"][:2])
    first["raw"], first["hash"] = second["raw"], second["hash"]


def _other_fee(content: Json) -> None:
    content["transfers"][0]["fee"] = "1"


def _other_key(content: Json) -> None:
    content["keys"][0]["proof"] = content["keys"][1]["proof"]


def _other_roster(content: Json) -> None:
    text = content["laws"][0]["text"]
    content["laws"][0]["text"] = text.replace(address_of("alice"), address_of("mallory"))


def _other_voice(content: Json) -> None:
    content["approvals"][0]["treasurer"] = address_of("carol")


def _other_payload(content: Json) -> None:
    content["motions"][0]["payload"] = {"why": "nothing is well"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_drop_approvals, "without the 2 approvals"),
        (_other_amount, "does not fit its terms"),
        (_other_state, "the journal says otherwise"),
        (_other_payee, "does something else than its terms say"),
        (_other_bytes, "does something else than its terms say"),
        (_other_fee, "does not add up"),
        (_other_key, "did not answer"),
        (_other_roster, "does not fit its digest"),
        (_other_voice, "is not by"),
        (_other_payload, "another payload"),
    ],
)
def test_a_lie_that_is_sealed_and_signed_is_found(
    text: str, change: Callable[[Json], None], found: str
) -> None:
    """R1.8: even who has the checkpoint key cannot invent consent, orders or transactions."""
    document = copy.deepcopy(json.loads(text))
    change(document["content"])
    lie = canonical_json(_sealed(document, with_key=True)) + "\n"

    assert any(found in problem for problem in check(lie)), check(lie)


def _sealed(document: Json, *, with_key: bool) -> Json:
    """Seal a changed content as the daemon would, signed by the key or not."""
    content, seal = document["content"], document["journal"][-1]
    digest = hashlib.sha256(canonical_json(content).encode()).hexdigest()
    seal["body"] = canonical_json({**json.loads(seal["body"]), "sha256": digest})
    hashed = {name: seal[name] for name in sorted(set(seal) - {"prev", "hash"})}
    chained = bytes.fromhex(seal["prev"][2:]) + canonical_json(hashed).encode()
    head = hashlib.sha256(chained).digest()
    seal["hash"] = document["checkpoint"]["head"] = "0x" + head.hex()
    if with_key:
        deployment = bytes.fromhex(content["deployment"][2:])
        signature = sign_head(deployment, seal["seq"], head)
        document["checkpoint"]["signature"] = "0x" + signature.hex()
    return document
