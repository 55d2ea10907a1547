"""What must hold inside the content of an evidence file; each check yields what does not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from evidence_proofs import NATIVE, eip712, keccak, rlp, rlp_list, signer_of, unhex

Json = dict[str, Any]
_POSSESSION = b"\x19Treasury possession\n"
_CONSENTED = ("APPROVED", "RELEASED", "SETTLED", "FAILED")
_SPENT = ("CONFIRMED", "REVERTED", "CANCELLED")


def canonical(value: object) -> str:
    """Write canonical JSON: sorted keys, ASCII, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def laws(content: Json) -> Iterator[str]:
    """Yield every law that is not the one of its digest."""
    for law in content["laws"]:
        if keccak(law["text"].encode()) != unhex(law["digest"]):
            yield f"a law does not fit its digest {law['digest']}"
    if sum(bool(law["in_force"]) for law in content["laws"]) > 1:
        yield "more than one law is in force"


def consent(content: Json) -> Iterator[str]:
    """Yield every signature, refill and motion that is not what it says."""
    laws = {law["digest"]: json.loads(law["text"]) for law in content["laws"]}
    given: dict[str, set[str]] = {}
    for one in content["approvals"]:
        given.setdefault(one["digest"], set()).add(one["treasurer"].lower())
    yield from _signatures(content)
    yield from _orders(content)
    for one in content["refills"]:
        least = _least(laws, one["terms"])
        if one["state"] in _CONSENTED and _count(laws, given, one, "order_id") < least:
            yield f"refill {one['id']} is {one['state']} without the {least} approvals of its law"
    for one in content["motions"]:
        law = laws.get(one["terms"]["lawDigest"])
        count = _count(laws, given, one, "digest")
        if one["state"] == "CARRIED" and (law is None or count < law["roster"]["quorum"]):
            yield f"motion {one['id']} was carried without a quorum"


def _signatures(content: Json) -> Iterator[str]:
    deployment = unhex(content["deployment"])
    for one in content["approvals"]:
        if signer_of(unhex(one["digest"]), unhex(one["signature"])) != one["treasurer"].lower():
            yield f"an approval of {one['digest']} is not by {one['treasurer']}"
    for one in content["vetoes"]:
        digest = eip712("Veto", {"digest": one["digest"]}, deployment)
        if signer_of(digest, unhex(one["signature"])) != one["treasurer"].lower():
            yield f"a veto against {one['digest']} is not by {one['treasurer']}"


def _orders(content: Json) -> Iterator[str]:
    deployment = unhex(content["deployment"])
    for kind in ("refills", "withdrawals", "transfers"):
        for one in content[kind]:
            is_placed = one["order_id"] is not None and one["terms"] is not None
            if is_placed and eip712("Transfer", one["terms"], deployment) != unhex(one["order_id"]):
                yield f"{kind[:-1]} {one['id']} does not fit its terms"
    for one in content["motions"]:
        if eip712("Motion", one["terms"], deployment) != unhex(one["digest"]):
            yield f"motion {one['id']} does not fit its terms"
        if keccak(canonical(one["payload"]).encode()) != unhex(one["terms"]["payloadDigest"]):
            yield f"motion {one['id']} has another payload than its terms say"


def _count(laws: dict[str, Json], given: dict[str, set[str]], one: Json, key: str) -> int:
    """Count the approvals by people of the law that the terms name; the maker is none of them."""
    law = laws.get(one["terms"]["lawDigest"])
    people = {p["address"].lower() for p in law["roster"]["treasurers"]} if law else set()
    return len(given.get(one[key], set()) & (people - {one["terms"]["maker"].lower()}))


def _least(laws: dict[str, Json], terms: Json) -> int:
    """Return the fewest approvals that any tier of the pool asks for; one without a law."""
    law = laws.get(terms["lawDigest"], {})
    names = {w["address"].lower(): n for n, w in law.get("wallets", {}).items()}
    to = names.get(terms["to"].lower())
    needed = [
        tier["approvals"]
        for pool in law.get("pools", {}).values()
        if to in pool["members"]
        for asset in pool["assets"].values()
        for tier in (*asset["refill"]["tiers"], *filter(None, [asset["refill"].get("emergency")]))
    ]
    return min(needed, default=1)


def transactions(content: Json) -> Iterator[str]:
    """Yield every signed transaction that is not what its terms say."""
    for transfer in content["transfers"]:
        for attempt in transfer["attempts"]:
            where = f"transaction {attempt['hash']} of transfer {transfer['id']}"
            raw = unhex(attempt["raw"])
            if keccak(raw) != unhex(attempt["hash"]) or raw[0] != 2:
                yield f"{where} has another hash"
                continue
            fields, rest = rlp(raw[1:])
            signature = fields[10].rjust(32, b"\0") + fields[11].rjust(32, b"\0")
            signature += bytes([27 + int.from_bytes(fields[9], "big")])
            sender = signer_of(keccak(b"\x02" + rlp_list(fields[:9])), signature)
            if rest or sender != transfer["terms"]["from"].lower():
                yield f"{where} was not signed by the key of {transfer['terms']['from']}"
            if not _does(fields, attempt["kind"], transfer):
                yield f"{where} does something else than its terms say"


def _does(fields: list[Any], kind: str, transfer: Json) -> bool:
    terms = transfer["terms"]
    chain_id, nonce, tip, price, gas = (int.from_bytes(field, "big") for field in fields[:5])
    to, value, data, access = "0x" + fields[5].hex(), fields[6], fields[7], fields[8]
    amount, taker = int(terms["amount"]), unhex(terms["to"])
    token = b"\xa9\x05\x9c\xbb" + taker.rjust(32, b"\0") + amount.to_bytes(32, "big")
    if kind == "cancel":
        said = (terms["from"].lower(), 0, b"")
    elif terms["asset"] == NATIVE:
        said = (terms["to"].lower(), amount, b"")
    else:
        said = (terms["asset"].lower(), 0, token)
    is_bounded = kind == "cancel" or (tip <= price and gas * price <= int(terms["maxFee"]))
    return (
        (to, int.from_bytes(value, "big"), data) == said
        and (str(chain_id), str(nonce), access) == (terms["chainId"], transfer["nonce"], [])
        and is_bounded
    )


def states(content: Json, lines: list[Json]) -> Iterator[str]:
    """Yield every row whose state is not the last one that the journal tells."""
    told: dict[str, str] = {}
    for line in lines[: int(content["as_of"]["seq"])]:
        body = json.loads(line["body"])
        machine = line["subject"].partition(":")[0]
        if "to" in body and line["kind"] == f"{machine}_{str(body['to']).lower()}":
            told[line["subject"]] = body["to"]
    for kind in ("refill", "withdrawal", "motion", "transfer"):
        for one in content[f"{kind}s"]:
            if told.get(f"{kind}:{one['id']}") != one["state"]:
                yield f"{kind} {one['id']} is {one['state']}, the journal says otherwise"


def reckoning(content: Json) -> Iterator[str]:
    """Yield every wallet and asset whose sums are not those of its transfers."""
    wallets = {(key["wallet"], key["chain_id"]): key["address"].lower() for key in content["keys"]}
    for line in content["reconciliation"]:
        address = wallets[line["wallet"], line["chain_id"]]
        came, went, fees = _sums(content["transfers"], line, address)
        if (str(came), str(went), str(fees)) != (line["ours_in"], line["ours_out"], line["fees"]):
            yield f"the reckoning of {line['wallet']} in {line['asset']} does not add up"
        if line["now"] is not None:
            other = int(line["now"]) - int(line["first"]) - came + went + fees
            if str(other) != line["other"]:
                yield f"what is left to explain at {line['wallet']} is {other}"


def _sums(transfers: list[Json], line: Json, address: str) -> tuple[int, int, int]:
    came = went = fees = 0
    for transfer in transfers:
        terms, block = transfer["terms"], int(transfer["block_number"] or 0)
        is_between = int(line["first_block"]) < block <= int(line["block"])
        is_here = terms["chainId"] == line["chain_id"] and transfer["state"] in _SPENT
        if not is_between or not is_here:
            continue
        is_giver, is_taker = (terms[end].lower() == address for end in ("from", "to"))
        if transfer["state"] == "CONFIRMED" and terms["asset"] == line["asset"]:
            came += is_taker * int(transfer["moved_in"] or terms["amount"])
            went += is_giver * int(transfer["moved_out"] or terms["amount"])
        if line["asset"] == NATIVE:
            fees += is_giver * int(transfer["fee"] or 0)
    return came, went, fees


def keys(content: Json) -> Iterator[str]:
    """Yield every key whose proof is not one."""
    deployment = unhex(content["deployment"])
    head = unhex(content["as_of"]["hash"])
    challenge = hashlib.sha256(b"Treasury evidence\n" + head).digest()
    for key in content["keys"]:
        if key["proof"] is None:
            continue
        signed = keccak(_POSSESSION + deployment + unhex(key["address"]) + challenge)
        if unhex(key["challenge"]) != challenge:
            yield f"the proof of {key['wallet']} is over another challenge"
        elif signer_of(signed, unhex(key["proof"])) != key["address"].lower():
            yield f"the key of {key['wallet']} did not answer"
