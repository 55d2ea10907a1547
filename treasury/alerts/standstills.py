"""Standstills: work that waits for something that does not come by itself.

A nonce that nobody holds stops everything behind it, fees above the ceiling stop whatever is
queued, a payout service that does not follow the live wallet keeps an incident open, a frozen
signer signs nothing at all, and an old address list lets pass what its publisher has long denied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from policies.law import Law, Wallet
from policies.lifecycles import TransferState, WalletState
from treasury.alerts.conditions import Condition, Look
from treasury.ledger import Ledger, Session, denylists
from treasury.ledger.facts import Transfer
from treasury.ledger.queries import standings, transfers, watch
from treasury.ledger.queries.watch import Depth
from treasury.records import live_wallets

_TOO_DEAR = frozenset({"fee_above_ceiling", "fee_above_terms"})
_CUT_OFF = frozenset({WalletState.ISOLATED, WalletState.RETIRED})
_OPEN = (TransferState.QUEUED, TransferState.IN_FLIGHT, TransferState.MINED)


def nonces_fit(ledger: Ledger) -> Look:
    """Return a look at nonces that the signer's book gave out and no transfer of ours holds."""

    def look(_now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            law = standings.law(session)
            found = list(_gaps(session, law)) if law else []
        yield from found

    return look


def fees_are_bearable(ledger: Ledger) -> Look:
    """Return a look at transfers that wait because the chain asks more than may be paid."""

    def look(_now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            law = standings.law(session)
            waiting = {
                chain.chain_id: [
                    transfer
                    for transfer in transfers.in_states(session, chain.chain_id, *_OPEN[:2])
                    if any(reason.code in _TOO_DEAR for reason in transfer.reasons)
                ]
                for chain in (law.chains if law else ())
            }
        for chain_id, dear in waiting.items():
            yield Condition(
                bad="fees_too_high",
                good="fees_bearable",
                subject=f"chain:{chain_id}",
                why=_dearness(dear) if dear else "",
            )

    return look


def live_wallets_are_followed(ledger: Ledger) -> Look:
    """Return a look at whether payout services that ever answered follow the newest number."""

    def look(_now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            is_followed = live_wallets.is_followed(session)
            number = live_wallets.published(session).sequence
        yield Condition(
            bad="live_wallet_unfollowed",
            good="live_wallet_followed",
            subject="live:wallets",
            why="" if is_followed else f"nobody acknowledged number {number} of the live wallets",
        )

    return look


def signer_is_thawed(is_frozen: Callable[[], bool]) -> Look:
    """Return a look at whether the signer's book is frozen: then nothing is signed."""

    def look(_now: int) -> Iterable[Condition]:
        why = "the signer is frozen: it signs nothing until a motion resumes" if is_frozen() else ""
        yield Condition(
            bad="signer_frozen",
            good="signer_thawed",
            subject="signer:book",
            why=why,
            is_patient=False,
        )

    return look


def denylists_are_fresh(ledger: Ledger, old_s: float) -> Look:
    """Return a look at the day of every address list in force."""

    def look(now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            lists = denylists.denylists(session)
        for one in lists:
            is_old = now - _day_of(one.dated) > old_s
            yield Condition(
                bad="denylist_old",
                good="denylist_fresh",
                subject=f"denylist:{one.name}",
                why=f"the list {one.name} is of {one.dated}: load a newer one" if is_old else "",
                is_patient=False,
            )

    return look


def _day_of(dated: str) -> int:
    """Return when the day of a list began (unix seconds); zero when it names no day."""
    try:
        return int(datetime.fromisoformat(dated).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0


def _gaps(session: Session, law: Law) -> Iterator[Condition]:
    given = standings.next_nonces(session)
    states = {standing.name: standing.state for standing in standings.wallets(session)}
    for chain in law.chains:
        tick = watch.last_good_tick(session, chain.chain_id)
        if tick is None or tick.head is None:
            continue
        nonces = watch.cells(session, chain.chain_id, Depth.HEAD, tick.head).nonces
        held = {(t.source, t.nonce) for t in transfers.in_states(session, chain.chain_id, *_OPEN)}
        for wallet in law.wallets:
            there = nonces.get(wallet.address)
            if wallet.chain != chain.name or there is None or states.get(wallet.name) in _CUT_OFF:
                continue
            is_gap = there < given.get(wallet.name, 0) and (wallet.address, there) not in held
            yield _gap(wallet, there if is_gap else None)


def _gap(wallet: Wallet, nonce: int | None) -> Condition:
    text = f"nonce {nonce} of {wallet.name} was given out, and no transfer holds it"
    return Condition(
        bad="nonce_gap",
        good="nonce_filled",
        subject=f"wallet:{wallet.name}",
        why="" if nonce is None else f"{text}: whatever is behind it waits",
    )


def _dearness(dear: list[Transfer]) -> str:
    first = next(r.text for r in dear[0].reasons if r.code in _TOO_DEAR)
    return f"{len(dear)} transfers wait for lower fees, the first one because {first}"
