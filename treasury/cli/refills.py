"""`refill`: list, show, approve, reject, propose."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from policies.amounts import AmountError, parse_amount
from policies.consent import (
    describe_transfer,
    terms_to_json,
    transfer_digest,
)
from policies.law import Asset, Law, Pool, Role, Wallet, law_digest
from policies.terms import NATIVE, Purpose, TransferTerms
from treasury.cli import consent, listing
from treasury.cli.api import CONSENT
from treasury.cli.exits import BAD_DATA, USAGE, CommandError
from treasury.cli.keystore import SigningKey, open_keystore
from treasury.cli.matter import Matter, approval_of, veto_of
from treasury.cli.screen import ago, brief, past
from treasury.cli.signing import ask, hand_in
from treasury.cli.terms_view import transfer_lines

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_HEADINGS = ("ID", "STATE", "WALLET", "AMOUNT", "APPROVALS", "PROPOSED", "EXPIRES")


def list_all(call: Call) -> None:
    """Print refills, newest first."""
    found = call.api.get("/v1/refills", listing.query(call, wallet=call.arguments.wallet))

    def row(refill: Json) -> tuple[object, ...]:
        required = refill["required"]
        count = f"{len(refill['approved_by'])}{'' if required is None else f' of {required}'}"
        is_open = refill["state"] in ("PROPOSED", "APPROVED")
        return (
            f"#{refill['id']}",
            refill["state"],
            refill["wallet"],
            brief(refill["amount_text"]),
            count,
            past(refill["proposed_at"], call.now),
            ago(refill["expires_at"], call.now) if is_open else "-",
        )

    rows = found["refills"]
    listing.show_rows(call, rows, headings=_HEADINGS, row=row, none="no refills")


def show(call: Call) -> None:
    """Print one refill, decoded from its terms."""
    found = call.api.get(f"/v1/refills/{call.arguments.id}")
    if call.wants_json:
        call.show(found, [])
        return
    reading = _read(call, found)
    is_ahead = found.get("state") in ("PROPOSED", "APPROVED")
    page = transfer_lines(_title(found), found, reading, call.now, is_ahead=is_ahead)
    call.show(found, page)


def approve(call: Call) -> None:
    """Sign exactly these terms and hand the approval in."""
    found = call.api.get(f"/v1/refills/{call.arguments.id}")
    _hand_in(call, found, _read(call, found), approval_of)


def reject(call: Call) -> None:
    """Sign a veto against these terms and hand it in."""
    found = call.api.get(f"/v1/refills/{call.arguments.id}")
    reading = consent.read_transfer(found, consent.known_law(call), call.now)
    _hand_in(call, found, reading, veto_of)


def propose(call: Call) -> None:
    """Propose a refill; whoever signs it as its maker does not count as an approver."""
    known = consent.known_law(call)
    status = call.api.get("/v1/status")
    key = open_keystore(call.arguments.keystore, call.arguments.password_file)
    terms = _draft(call, known.law, key)
    deployment = consent.deployment_of(status)
    found = {
        "terms": terms_to_json(terms),
        "deployment": "0x" + deployment.hex(),
        "digest": "0x" + transfer_digest(terms, deployment).hex(),
        "state": "not proposed yet",
    }
    reading = consent.read_transfer(found, known, call.now)
    page = "\n".join(transfer_lines("Refill", found, reading, call.now))
    if reading.problems:
        raise CommandError(BAD_DATA, f"not proposed: {reading.problems[0]}")
    if not call.arguments.yes:
        print(page)
        ask(f"Propose: {reading.sentence}? [y/N] ")
    body = {"terms": terms_to_json(terms), "signature": "0x" + key.sign(reading.digest).hex()}
    answer = call.api.post("/v1/refills", body, CONSENT)
    call.show(answer, [f"proposed as refill #{answer['id']}: other treasurers approve it now"])


def _read(call: Call, found: Json) -> consent.Reading:
    reading = consent.read_transfer(found, consent.known_law(call), call.now)
    if not call.arguments.rpc:
        return reading
    from treasury.cli import node

    assert isinstance(reading.terms, TransferTerms)
    observed = node.read_balances(call.arguments.rpc, reading.terms)
    differing = tuple(node.disagreements(found.get("reported"), observed))
    return replace(reading, observed=observed, warnings=reading.warnings + differing)


def _hand_in(
    call: Call,
    found: Json,
    reading: consent.Reading,
    matter_of: Callable[[consent.Reading, Sequence[str]], Matter],
) -> None:
    title = _title(found)
    matter = matter_of(reading, transfer_lines(title, found, reading, call.now))
    hand_in(call, matter, found, title=title, path=f"/v1/refills/{found['order_id']}")


def _title(found: Json) -> str:
    return f"Refill #{found.get('id')}"


def _draft(call: Call, law: Law, key: SigningKey) -> TransferTerms:
    wallet, pool, asset = _named(call, law)
    chain, vault = law.chain(wallet.chain), law.wallet(pool.vault)
    assert chain is not None
    assert vault is not None
    native = law.asset_at(chain.chain_id, NATIVE)
    assert native is not None
    fee = call.arguments.max_fee
    terms = TransferTerms(
        what="-",
        purpose=Purpose.REFILL,
        salt=secrets.token_bytes(16),
        chain_id=chain.chain_id,
        asset=asset.address,
        source=vault.address,
        destination=wallet.address,
        amount=amount_of(call.arguments.amount, asset),
        max_fee=amount_of(fee, native) if fee else chain.fee_ceiling,
        maker=key.address,
        proposed_at=call.now,
        expires_at=call.now + pool.refills[asset.symbol].expiry_s,
        law_digest=law_digest(law),
    )
    return replace(terms, what=describe_transfer(terms, law))


def _named(call: Call, law: Law) -> tuple[Wallet, Pool, Asset]:
    name, symbol = call.arguments.wallet, call.arguments.amount.partition(" ")[2]
    wallet, pool = law.wallet(name), law.pool_of(name)
    if wallet is None or pool is None or wallet.role is not Role.HOT:
        raise CommandError(USAGE, f"{name!r} is no hot wallet of the law: see `wallet list`")
    if not symbol and len(pool.bands) == 1:
        symbol = next(iter(pool.bands))
    asset = law.asset(wallet.chain, symbol)
    if asset is None or symbol not in pool.bands:
        known = ", ".join(pool.bands)
        raise CommandError(USAGE, f'write the amount with its symbol, one of {known}: "12.5 ETH"')
    return wallet, pool, asset


def amount_of(text: str, asset: Asset) -> int:
    """Read an amount of an asset. Raises `CommandError`."""
    try:
        return parse_amount(text, asset.symbol, asset.decimals)
    except AmountError as error:
        raise CommandError(USAGE, str(error)) from error
