"""`exposure`: what a theft could cost at most under the law in force, and how that is reckoned.

Figures come from the treasurer's own copy of the law when there is one, and are worked out here
by `policies.exposure`; balances and refills are as the daemon reports them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from policies.amounts import format_amount
from policies.exposure import Coming, ExposureFacts, Figure, Threat, exposures
from policies.law import Law
from treasury.cli import consent
from treasury.cli.screen import brief, duration, plain, table, wrapped

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_MOST = 500
_GONE = ("ISOLATED", "RETIRED")
_MEANS = {
    Threat.STOLEN_KEY: "somebody else has the key of one wallet",
    Threat.STOLEN_TOGETHER: "the keys of one fate group, which share a host or a token",
    Threat.STOLEN_DAEMON: "the daemon asks the signer for whatever it likes",
    Threat.CORRUPT_SERVICE: "the payout service asks the daemon for whatever it likes",
    Threat.LYING_MINORITY: "nodes below the read quorum tell what a thief wants",
    Threat.BRIBED_TREASURER: "one treasurer signs whatever a thief wants",
    Threat.PATIENT_INSIDER: "taken in a day without one hold, and each day again until people look",
}


def show(call: Call) -> None:
    """Print every figure with its arithmetic; one above `max_loss` is said in capitals."""
    facts = _facts(call)
    figures = exposures(facts)
    document = {
        "reaction_s": facts.reaction_s,
        "figures": [_written(figure) for figure in figures],
        "is_above": any(figure.is_above for figure in figures),
    }
    call.show(document, list(_lines(figures, facts)))


def _facts(call: Call) -> ExposureFacts:
    law = consent.known_law(call).law
    wallets = call.api.get("/v1/wallets")["wallets"]
    query = {"state": "RELEASED", "limit": _MOST}
    refills = call.api.get("/v1/refills", query)["refills"]
    learned = call.api.get("/v1/exposure")["learned"]
    return ExposureFacts(
        law=law,
        balances=dict(_balances(wallets, law)),
        active=frozenset(w["name"] for w in wallets if w["state"] == "ACTIVE"),
        gone=frozenset(w["name"] for w in wallets if w["state"] in _GONE),
        coming=tuple(_coming(refills, law)),
        learned={(one["pool"], one["asset"]): int(one["at_most"]) for one in learned},
        reaction_s=call.arguments.reaction,
    )


def _balances(wallets: list[Json], law: Law) -> Iterator[tuple[tuple[str, str], int | None]]:
    for wallet in wallets:
        known = law.wallet(wallet["name"])
        for held in wallet["assets"]:
            asset = law.asset(known.chain, held["asset"]) if known else None
            if asset is not None:
                balance = held["balance"]
                key = (wallet["name"], asset.symbol)
                yield key, None if balance is None else int(balance)


def _coming(refills: list[Json], law: Law) -> Iterator[Coming]:
    for refill in refills:
        wallet = law.wallet(refill["wallet"])
        asset = law.asset(wallet.chain, refill["asset"]) if wallet else None
        if asset is not None:
            yield Coming(
                wallet=refill["wallet"],
                symbol=asset.symbol,
                amount=int(refill["amount"]),
                name=f"refill #{refill['id']}",
            )


def _written(figure: Figure) -> Json:
    return {
        "threat": figure.threat.value,
        "name": figure.name,
        "chain": figure.chain,
        "asset": figure.symbol,
        "at_most": str(figure.at_most) if figure.is_bounded else None,
        "max_loss": None if figure.max_loss is None else str(figure.max_loss),
        "is_above": figure.is_above,
        "parts": [{"text": part.text, "amount": str(part.amount)} for part in figure.parts],
    }


def _lines(figures: tuple[Figure, ...], facts: ExposureFacts) -> Iterator[str]:
    yield f"At most, if somebody halts it within {duration(facts.reaction_s)}"
    for threat, group in groupby(figures, key=lambda figure: figure.threat):
        found = list(group)
        yield ""
        yield f"{threat.value.upper()}: {_MEANS[threat]}"
        rows = [_cells(figure, facts.law) for figure in found]
        yield from table(("WHAT", "ASSET", "AT MOST", "MAX LOSS", ""), rows)
        for figure in found:
            yield from wrapped(f"{figure.name} {figure.symbol} = {_sum(figure, facts.law)}", "  ")


def _cells(figure: Figure, law: Law) -> tuple[str, ...]:
    most = _text(figure, figure.at_most, law) if figure.is_bounded else "unbounded"
    limit = "none in the law" if figure.max_loss is None else _text(figure, figure.max_loss, law)
    verdict = "ABOVE MAX LOSS" if figure.is_above else ""
    return plain(figure.name), plain(figure.symbol), most, limit, verdict


def _sum(figure: Figure, law: Law) -> str:
    if not figure.at_most:
        return "; ".join(part.text for part in figure.parts)
    parts = [f"{_text(figure, part.amount, law)} ({part.text})" for part in figure.parts]
    return " + ".join(parts)


def _text(figure: Figure, amount: int, law: Law) -> str:
    asset = law.asset(figure.chain, figure.symbol)
    assert asset is not None, "figures are made from the law's assets"
    return brief(format_amount(amount, asset.symbol, asset.decimals))
