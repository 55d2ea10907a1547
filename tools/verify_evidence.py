"""Check an evidence file offline, without the daemon and without any of its code.

    python tools/verify_evidence.py evidence-17.json --key 078a3a…

`--key` is the checkpoint key's public key from signer.toml, written down when the ceremony was
held; without it the key in the file is taken, and the answer says so. What is checked:
- one byte more, less or other in the file is found: by its form, by the hash of the content, by the
  chain of the journal, or by the signature over its head;
- every checkpoint that the journal tells of is signed by that key;
- laws fit their digests, orders and motions fit their terms, approvals and vetoes recover to people
  of the law that the terms name, and what was released had enough of them;
- every signed transaction does exactly what its terms say, and was signed by the wallet's own key;
- states of orders are those that the journal tells; the reckoning adds up; keys answered.
The answer is 0 and a summary, 1 and every problem, or 2 when there was nothing to check.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import evidence_content
from evidence_proofs import p256_signed, unhex

Json = dict[str, Any]
_HASHED = ("actor", "at", "body", "book_head", "book_seq", "kind", "seq", "subject")
_CHECKPOINT = b"Treasury checkpoint\n"
_KEY_BYTES = 64


def problems(text: str, key: bytes | None) -> Iterator[str]:
    """Yield everything that is wrong with a file; a file that cannot be read is wrong too."""
    try:
        file = json.loads(text)
        if evidence_content.canonical(file) + "\n" != text:
            yield "the file is not in canonical form: a byte was changed"
        content, lines = file["content"], file["journal"]
        yield from _seal(content, lines, file["checkpoint"], key)
        yield from evidence_content.laws(content)
        yield from evidence_content.consent(content)
        yield from evidence_content.transactions(content)
        yield from evidence_content.states(content, lines)
        yield from evidence_content.reckoning(content)
        yield from evidence_content.keys(content)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        yield f"the file is malformed: {error!r}"
    except Exception as error:  # noqa: BLE001 - whatever breaks while checking is no proof
        yield f"the file cannot be checked: {error!r}"


def _seal(content: Json, lines: list[Json], point: Json, key: bytes | None) -> Iterator[str]:
    broken = _broken(lines)
    if broken:
        yield broken
        return
    seal, as_of = lines[-1], content["as_of"]
    digest = hashlib.sha256(evidence_content.canonical(content).encode()).hexdigest()
    if seal["kind"] != "evidence_sealed" or json.loads(seal["body"])["sha256"] != digest:
        yield "the content is not the one that the journal's last line seals"
    if lines[int(as_of["seq"]) - 1]["hash"] != as_of["hash"]:
        yield f"the content is of another journal: line {as_of['seq']} differs"
    if point is None:
        yield "nobody signed the seal: whoever made the file may have made all of it"
        return
    if (point["seq"], point["head"]) != (str(seal["seq"]), seal["hash"]):
        yield "the checkpoint is of another line than the last one"
    told = [json.loads(one["body"]) for one in lines if one["kind"] == "checkpoint_signed"]
    for one in (*told, point):
        pinned = key or unhex(point["public_key"])
        yield from _checkpoint(one, lines, pinned, unhex(content["deployment"]))


def _broken(lines: list[Json]) -> str:
    """Return which line does not follow from those before it, empty when all do."""
    head = "0x" + "00" * 32
    for number, line in enumerate(lines, start=1):
        told = evidence_content.canonical({name: line[name] for name in _HASHED})
        if (line["seq"], line["prev"]) != (number, head):
            return f"journal line {number} is missing or does not follow"
        head = "0x" + hashlib.sha256(unhex(head) + told.encode()).hexdigest()
        if line["hash"] != head:
            return f"journal line {number} was changed"
    return ""


def _checkpoint(one: Json, lines: list[Json], key: bytes, deployment: bytes) -> Iterator[str]:
    seq, head = int(one["seq"]), unhex(one["head"])
    if unhex(one["public_key"]) != key:
        yield f"the checkpoint of line {seq} names another key"
    if unhex(lines[seq - 1]["hash"]) != head:
        yield f"line {seq} is another one than its checkpoint says"
    signed = hashlib.sha256(_CHECKPOINT + deployment + seq.to_bytes(8, "big") + head).digest()
    if not p256_signed(key, signed, unhex(one["signature"])):
        yield f"the checkpoint of line {seq} is not signed by the checkpoint key"


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        message = f"write the {2 * _KEY_BYTES} hexadecimal digits of `public_key`"
        raise argparse.ArgumentTypeError(message)
    return key


def main() -> int:
    """Check the file that is named; print a summary, or every problem."""
    parser = argparse.ArgumentParser(description="Check an evidence file offline.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", type=_key, help="the checkpoint key's public key in signer.toml")
    asked = parser.parse_args()
    try:
        text = asked.file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        parser.error(f"{asked.file}: name what `treasuryctl evidence export` wrote ({error})")
    found = list(problems(text, asked.key))
    if found:
        print("\n".join(found))
        return 1
    content = json.loads(text)["content"]
    proved = sum(one["proof"] is not None for one in content["keys"])
    kinds = ("laws", "approvals", "refills", "withdrawals", "motions", "transfers")
    print(", ".join(f"{len(content[kind])} {kind}" for kind in kinds))
    print(f"{proved} of {len(content['keys'])} keys answered")
    print(
        "everything fits" if asked.key else "everything fits the key in the file: compare that key"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
