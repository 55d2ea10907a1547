"""How terms look to the person who is asked to sign them; golden files hold every line.

Full addresses, token units and base units, times both ways. What is computed from the terms and
what the daemon merely reports stand under different headings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.amounts import format_amount
from policies.law import Asset, Law, law_digest
from policies.terms import NATIVE, Address, MotionTerms, TransferTerms
from treasury.cli.consent import Reading
from treasury.cli.screen import fields, grouped, moment, plain, wrapped

Json = dict[str, Any]
_GROUPS_PER_LINE = 8


def transfer_lines(
    title: str, found: Json, reading: Reading, now: int, *, is_ahead: bool = True
) -> list[str]:
    """Return the whole page for a transfer's terms; `is_ahead` adds the balances afterwards."""
    terms = reading.terms
    assert isinstance(terms, TransferTerms)
    return [
        f"{title}: {plain(found.get('state'))}",
        "",
        *wrapped(plain(reading.sentence), indent="  "),
        "",
        "TERMS, decoded here from what is signed",
        *_indented(fields(_transfer_fields(terms, reading.known.law, now))),
        *_closing(found, reading, now, is_ahead=is_ahead),
    ]


def motion_lines(title: str, found: Json, reading: Reading, now: int) -> list[str]:
    """Return the whole page for a motion's terms."""
    terms = reading.terms
    assert isinstance(terms, MotionTerms)
    payload = found.get("payload", {})
    pairs = [("kind", terms.kind.value), *((f"  {name}", payload[name]) for name in payload)]
    pairs += [
        ("maker", _person(terms.maker, reading.known.law)),
        ("proposed", moment(terms.proposed_at, now)),
        ("expires", moment(terms.expires_at, now)),
    ]
    return [
        f"{title}: {plain(found.get('state'))}",
        "",
        *wrapped(plain(reading.sentence), indent="  "),
        "",
        "TERMS, decoded here from what is signed",
        *_indented(fields(pairs)),
        *_closing(found, reading, now, is_ahead=False),
    ]


def digest_lines(digest: bytes) -> list[str]:
    """Return a digest in groups of four digits, eight groups to a line."""
    groups = grouped("0x" + digest.hex()).split(" ")
    parts = [groups[i : i + _GROUPS_PER_LINE] for i in range(0, len(groups), _GROUPS_PER_LINE)]
    return ["  " + " ".join(part) for part in parts]


def _transfer_fields(terms: TransferTerms, law: Law, now: int) -> Iterator[tuple[str, object]]:
    chain = law.chain_by_id(terms.chain_id)
    asset = law.asset_at(terms.chain_id, terms.asset)
    native = law.asset_at(terms.chain_id, NATIVE)
    yield "purpose", terms.purpose.value
    yield "amount", _amount(terms.amount, asset)
    yield "", _base_units(terms.amount, asset)
    yield "asset", _asset(terms.asset, asset)
    yield "chain", f"{chain.name if chain else 'UNKNOWN'}, id {terms.chain_id}"
    yield "from", _place(terms, terms.source, law)
    yield "", terms.source
    yield "to", _place(terms, terms.destination, law)
    yield "", terms.destination
    yield "fee at most", _amount(terms.max_fee, native)
    yield "", _base_units(terms.max_fee, native)
    yield "maker", _person(terms.maker, law)
    yield "proposed", moment(terms.proposed_at, now)
    yield "expires", moment(terms.expires_at, now)


def _closing(found: Json, reading: Reading, now: int, *, is_ahead: bool) -> Iterator[str]:
    whose = "your own copy" if reading.known.is_own else "as reported by the daemon"
    yield ""
    yield f"LAW, {whose}"
    yield from digest_lines(law_digest(reading.known.law))
    yield "DEPLOYMENT"
    yield from digest_lines(reading.deployment)
    yield "DIGEST, to compare with your wallet or with another treasurer"
    yield from digest_lines(reading.digest)
    yield ""
    yield "REPORTED BY THE DAEMON, not part of what is signed"
    yield from _indented(fields(_reported(found, reading, now, is_ahead=is_ahead)))
    if reading.observed is not None and isinstance(reading.terms, TransferTerms):
        yield f"READ HERE from your own node, {plain(reading.observed['node'])}"
        seen = _balances(reading.observed, reading, now, is_ahead=is_ahead)
        yield from _indented(fields(seen))
    if reading.warnings:
        yield ""
        for warning in reading.warnings:
            yield from wrapped(f"WARNING: {plain(warning)}")
    if reading.problems:
        yield ""
        for problem in reading.problems:
            yield from wrapped(f"MISMATCH: {plain(problem)}")


def _reported(
    found: Json, reading: Reading, now: int, *, is_ahead: bool
) -> Iterator[tuple[str, object]]:
    names = [_named(address, reading.known.law) for address in found.get("approved_by", [])]
    if "approved_by" not in found:
        names = [str(a.get("name") or a.get("treasurer")) for a in found.get("approvals", [])]
    required = found.get("required")
    needed = f" of {required}" if required is not None else ""
    yield "approvals", f"{len(names)}{needed}{': ' + ', '.join(names) if names else ''}"
    if found.get("vetoes"):
        yield "vetoes", ", ".join(str(v.get("name") or v.get("treasurer")) for v in found["vetoes"])
    if found.get("release_at") is not None:
        yield "may be signed", moment(found["release_at"], now)
    if found.get("transfer_id") is not None:
        yield "transfer", f"#{found['transfer_id']}"
    balances = found.get("reported")
    if isinstance(balances, dict) and isinstance(reading.terms, TransferTerms):
        yield from _balances(balances, reading, now, is_ahead=is_ahead)
    for reason in found.get("reasons", []):
        yield "reason", reason.get("text")


def _balances(
    reported: Json, reading: Reading, now: int, *, is_ahead: bool
) -> Iterator[tuple[str, object]]:
    terms, law = reading.terms, reading.known.law
    assert isinstance(terms, TransferTerms)
    asset = law.asset_at(terms.chain_id, terms.asset)
    yield "read at", f"block {reported.get('block')}, {moment(reported.get('block_time'), now)}"
    for end, sign in (("source", -1), ("destination", 1)):
        address = terms.source if end == "source" else terms.destination
        name = _place(terms, address, law)
        before = reported.get(f"{end}_balance")
        if not isinstance(before, str) or not before.isdecimal() or len(before) > 78:
            yield f"balance of {name}", "unknown"
            continue
        after = int(before) + sign * terms.amount
        yield f"balance of {name}", _amount(int(before), asset)
        if is_ahead:
            yield "  afterwards", f"{_amount(after, asset)}{_against_cap(after, sign, terms, law)}"


def _against_cap(after: int, sign: int, terms: TransferTerms, law: Law) -> str:
    wallet = law.wallet_at(terms.chain_id, terms.destination)
    asset = law.asset_at(terms.chain_id, terms.asset)
    pool = law.pool_of(wallet.name) if wallet else None
    if sign < 0:
        return ", NOT ENOUGH" if after < 0 else ""
    if pool is None or asset is None or asset.symbol not in pool.bands:
        return ""
    cap = pool.bands[asset.symbol].cap
    verdict = "ABOVE the cap of" if after > cap else "within the cap of"
    return f", {verdict} {_amount(cap, asset)}"


def _amount(amount: int, asset: Asset | None) -> str:
    if asset is None:
        return "UNKNOWN ASSET"
    return format_amount(amount, asset.symbol, asset.decimals)


def _base_units(amount: int, asset: Asset | None) -> str:
    decimals = f" ({asset.decimals} decimals)" if asset else ""
    return f"{amount} base units{decimals}"


def _asset(address: Address, asset: Asset | None) -> str:
    if address == NATIVE:
        return "the chain's own coin"
    return f"token {asset.symbol if asset else 'UNKNOWN'} at {address}"


def _place(terms: TransferTerms, address: Address, law: Law) -> str:
    wallet = law.wallet_at(terms.chain_id, address)
    return f"{wallet.name} ({wallet.role.value})" if wallet else "NOT ONE OF OUR WALLETS"


def _person(address: Address, law: Law) -> str:
    if address == NATIVE:
        return "the daemon"
    return f"{_named(address, law)} {address}"


def _named(address: object, law: Law) -> str:
    person = law.treasurer_at(Address(str(address)))
    return person.name if person else str(address)


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
