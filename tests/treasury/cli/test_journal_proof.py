"""`journal verify` believes nobody: it computes the chain anew and holds it against checkpoints."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.fakes.office import OfficeForTests
from tests.laws import DEPLOYMENT
from tests.treasury.cli.conftest import Terminal
from treasury.cli import p256
from treasury.cli.chain_of_hashes import Walk, hash_of, is_genuine
from treasury.ledger import journal

pytestmark = pytest.mark.sockets
D, K = 0x1234567, 0x7654321
KEY = b"".join(part.to_bytes(32, "big") for part in p256._multiple(D, p256._G) or ())
SAMPLE_KEY = bytes.fromhex(
    "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
)
SAMPLE = bytes.fromhex(
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
)


def checkpoint(office: OfficeForTests, seq: int, head: str) -> dict[str, str]:
    """Sign a head with the test's own P-256 key."""
    signed = b"Treasury checkpoint\n" + DEPLOYMENT + seq.to_bytes(8, "big")
    digest = int.from_bytes(hashlib.sha256(signed + bytes.fromhex(head[2:])).digest(), "big")
    point = p256._multiple(K, p256._G)
    assert point is not None
    r = point[0] % p256._N
    s = pow(K, -1, p256._N) * (digest + r * D) % p256._N
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return {"seq": str(seq), "head": head, "signature": "0x" + signature.hex()}


def lines_of(office: OfficeForTests) -> list[dict[str, object]]:
    """Return the lines as the daemon hands them out."""
    names = [*("seq", "at", "actor", "kind", "subject", "body", "book_seq", "book_head"), "prev"]
    with office.ledger.read() as session:
        entries = journal.tail(session, limit=1_000)
    return [{name: getattr(entry, name) for name in [*names, "hash"]} for entry in entries]


def kept(folder: Path, *points: dict[str, str]) -> str:
    """Keep checkpoints in a file outside; return its path."""
    path = folder / "kept.jsonl"
    path.write_text("".join(json.dumps(point) + "\n" for point in points))
    return str(path)


def test_p256_agrees_with_the_published_sample() -> None:
    """RFC 6979, A.2.5: the signature of "sample" verifies, and nothing near it does."""
    digest = hashlib.sha256(b"sample").digest()

    assert p256.is_signed(SAMPLE_KEY, digest, SAMPLE)
    assert not p256.is_signed(SAMPLE_KEY, hashlib.sha256(b"simple").digest(), SAMPLE)
    assert not p256.is_signed(SAMPLE_KEY, digest, SAMPLE[:-1] + b"\0")
    assert not p256.is_signed(KEY, digest, SAMPLE)
    assert not p256.is_signed(SAMPLE_KEY, digest, bytes(64))
    assert not p256.is_valid_key(SAMPLE_KEY[:-1] + b"\0")


def test_a_whole_journal_fits_its_checkpoints(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """R7.1: the chain is computed anew by the client, and the pinned key is checked."""
    line = lines_of(office)[2]
    path = kept(tmp_path, checkpoint(office, 3, str(line["hash"])))
    found = terminal("journal", "verify", "--checkpoints", path, "--key", KEY.hex(), "--json")

    told = json.loads(found.out)
    assert (told["ok"], told["checkpoints"], told["signatures_checked"]) == (True, 1, True)
    assert told["head"] == lines_of(office)[-1]["hash"]


def test_a_journal_that_was_written_anew_is_found(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """R7.2: all hashes recomputed, the chain right in itself; the checkpoint outside tells."""
    path = kept(tmp_path, checkpoint(office, 3, "0x" + "ab" * 32))
    found = terminal("journal", "verify", "--checkpoints", path)

    assert found.code == 1
    assert "line 3 is another one than the checkpoint says" in found.err


def test_a_journal_that_was_cut_off_is_found(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """R7.1: truncation leaves a chain that is right; a checkpoint of a later line tells."""
    path = kept(tmp_path, checkpoint(office, 900, "0x" + "ab" * 32))
    found = terminal("journal", "verify", "--checkpoints", path)

    assert found.code == 1
    assert "line 900 has a checkpoint and is gone" in found.err


def test_a_checkpoint_of_another_key_is_found(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """R7.2: who rewrites the checkpoints as well cannot sign them."""
    path = kept(tmp_path, checkpoint(office, 3, str(lines_of(office)[2]["hash"])))
    other = SAMPLE_KEY.hex()
    found = terminal("journal", "verify", "--checkpoints", path, "--key", other)

    assert found.code == 1
    assert "was not signed by that key" in found.err


@pytest.mark.parametrize("key", ["zz", "00", "11" * 64])
def test_a_key_that_is_none_is_refused(terminal: Terminal, key: str) -> None:
    """The message says where the right one is written."""
    found = terminal("journal", "verify", "--key", key)

    assert found.code == 2
    assert "signer.toml" in found.err


@pytest.mark.parametrize("text", ["{", '{"seq": "x", "head": ""}', "[]"])
def test_a_file_without_checkpoints_is_refused(
    terminal: Terminal, tmp_path: Path, text: str
) -> None:
    """What cannot be read is told by name."""
    (tmp_path / "odd").write_text(text)
    found = terminal("journal", "verify", "--checkpoints", str(tmp_path / "odd"))

    assert found.code == 65
    assert "holds no checkpoints" in found.err


def test_a_lying_daemon_is_not_believed(office: OfficeForTests) -> None:
    """R7.1: changed, missing and reordered lines are named, whatever the daemon says of them."""
    lines = lines_of(office)
    assert len(lines) >= 3
    changed = [{**lines[0], "actor": "somebody"}, *lines[1:]]
    rehashed = [{**changed[0], "hash": hash_of(changed[0])}, *lines[1:]]
    bad = []
    for told in (changed, rehashed, lines[1:], [lines[0], lines[2]], [*lines[:2][::-1]]):
        walk = Walk()
        walk.take(told)
        bad.append(walk.bad)

    assert bad == [1, 2, 1, 2, 1]


@pytest.mark.parametrize("broken", [{}, {"seq": "1", "head": 5}, {"seq": "-1", "head": "0x"}])
def test_a_malformed_checkpoint_is_not_genuine(broken: dict[str, object]) -> None:
    """Nothing that cannot be read counts as signed."""
    assert not is_genuine(broken, KEY, bytes(32))
