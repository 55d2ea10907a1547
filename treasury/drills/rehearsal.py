"""Dry runs: walk through a drill on the real deployment, reading everything and changing nothing.

Each step asks the part that the real thing would need, and is measured: the signer, every key (by
a proof in a domain of its own, which no transaction can share), every node by itself, a copy of
the ledger. What would be missing in the hour of need ends the drill.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.settings import ChainSettings, Settings
from hsm.client import SignerClient
from hsm.errors import HsmError
from hsm.wire.answers import Proof
from policies.exposure import Threat, exposures
from policies.law import Law, Role, Wallet
from policies.lifecycles import WalletState
from policies.succession import Candidate, choose_successor
from policies.terms import Stamp
from treasury.briefing.exposure import gather
from treasury.chain.errors import ChainError
from treasury.chain.node import connect_node
from treasury.drills.record import Drill, DrillError, DrillKind
from treasury.ledger import Ledger, journal, open_ledger
from treasury.ledger.facts import Standing
from treasury.ledger.queries import standings, watch

_CHALLENGE_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The deployment that is rehearsed; the ledger is read beside the running daemon."""

    settings: Settings
    ledger: Ledger
    signer: SignerClient
    law: Law


@contextmanager
def opened(settings: Settings) -> Iterator[Place]:
    """Open the deployment for reading. Raises `DrillError` while no law is in force."""
    signer = SignerClient(settings.signer.socket, deadline_s=settings.signer.deadline_s)
    with closing(open_ledger(settings.daemon.database, lease=False)) as ledger, signer:
        with ledger.read() as session:
            law = standings.law(session)
        if law is None:
            raise DrillError("no law is in force: there is nothing to rehearse yet")
        yield Place(settings=settings, ledger=ledger, signer=signer, law=law)


def rehearse(place: Place, drill: Drill) -> None:
    """Walk through one drill. Raises `DrillError` at the first thing that is missing."""
    try:
        _REHEARSALS[drill.kind](place, drill)
    except (HsmError, ChainError) as error:
        raise DrillError(str(error)) from error


def _isolate(place: Place, drill: Drill) -> None:
    with drill.step("the signer answers: it would be told first"):
        place.signer.status()
    with place.ledger.read() as session:
        known = {standing.name: standing for standing in standings.wallets(session)}
    for pool in place.law.pools:
        active = next((known[m] for m in pool.members if _is_active(known.get(m))), None)
        wallet = place.law.wallet(active.name) if active else None
        if wallet is None:
            raise DrillError(f"pool {pool.name} has no active wallet")
        _would_fall(place, drill, wallet, known)


def _would_fall(place: Place, drill: Drill, wallet: Wallet, known: Mapping[str, Standing]) -> None:
    pool = place.law.pool_of(wallet.name)
    assert pool is not None, "an active wallet has a pool"
    with drill.step(f"{wallet.name} would fall, {wallet.fate_group} with it"):
        candidates = [
            Candidate(
                wallet=member,
                state=known[member.name].state or WalletState.STANDBY,
                is_healthy=known[member.name].is_calm,
                balance=None,
            )
            for name in pool.members
            if (member := place.law.wallet(name)) is not None and name in known
        ]
        chosen = choose_successor(wallet, candidates)
    if chosen.successor is None:
        raise DrillError(f"nobody would take over for {wallet.name}: see No standby")
    if chosen.successor.fate_group == wallet.fate_group:
        raise DrillError(f"{chosen.successor.name} would fall with {wallet.name}: one fate group")
    with drill.step(f"{chosen.successor.name} would take over: its key answers"):
        _prove(place, chosen.successor)
    with drill.step(f"what {wallet.name} holds is known, so it can be evacuated"):
        _require_balances(place, wallet)


def _stolen_key(place: Place, drill: Drill) -> None:
    with drill.step("the most that each key could cost is known and accepted"):
        with place.ledger.read() as session:
            facts = gather(session, place.law, place.settings.chains)
        figures = [f for f in exposures(facts) if f.threat is Threat.STOLEN_TOGETHER]
        above = [f"{f.name} in {f.symbol}" for f in figures if f.is_above]
    if above:
        raise DrillError(f"more than max_loss could be stolen: {', '.join(above)}")
    _isolate(place, drill)


def _rpc_lies(place: Place, drill: Drill) -> None:
    for name, chain in place.settings.chains.items():
        heads: dict[str, Stamp] = {}
        for number, url in enumerate(chain.endpoints, start=1):
            with drill.step(f"{name}: endpoint {number} tells its head"):
                heads[url] = _head(place, name, chain, url)
        agreed = _agreeing(heads, chain.lag_blocks)
        if agreed < chain.quorum:
            raise DrillError(f"{name}: {agreed} endpoints keep up, {chain.quorum} must agree")
        spare = len(chain.endpoints) - chain.quorum
        with drill.step(f"{name}: {spare} of {len(chain.endpoints)} may lie or be silent"):
            if spare == 0 and len(chain.endpoints) > 1:
                raise DrillError(f"{name}: one silent endpoint stops everything: add another")


def _hsm_loss(place: Place, drill: Drill) -> None:
    with drill.step("the signer tells the health of every token"):
        status = place.signer.status()
    away = [token for token, health in status.tokens.items() if health != "ready"]
    for wallet in place.law.wallets:
        with drill.step(f"the key of {wallet.name} proves itself"):
            if wallet.role is not Role.VAULT or wallet.key not in away:
                _prove(place, wallet)
    groups = {w.fate_group for w in place.law.wallets if w.role is Role.HOT}
    with drill.step(f"hot wallets stand in {len(groups)} fate groups"):
        if len(groups) < len(place.law.pools) + 1:
            raise DrillError("one lost token would take every hot wallet: add another fate group")


def _restore(place: Place, drill: Drill) -> None:
    with tempfile.TemporaryDirectory(prefix="treasury-drill-") as folder:
        copy = Path(folder) / "ledger.sqlite3"
        with drill.step("a consistent copy of the ledger is written"):
            place.ledger.backup_to(copy)
        with drill.step("the copy opens, and its chain of hashes holds"):
            copied = open_ledger(f"sqlite:///{copy}", lease=False)
            with closing(copied), copied.read() as session:
                verified = journal.verify(session)
            if not verified.ok:
                raise DrillError(f"the copy breaks at {verified.first_bad}: {verified.why}")
    with drill.step("the signer's book answers: a restored ledger would catch up from it"):
        place.signer.orders_since(0)


def _prove(place: Place, wallet: Wallet) -> None:
    answer = place.signer.possession(wallet.name, secrets.token_bytes(_CHALLENGE_BYTES))
    if not isinstance(answer, Proof):
        reasons = "; ".join(reason.text for reason in answer.reasons)
        raise DrillError(f"the key of {wallet.name} does not answer: {reasons}")


def _require_balances(place: Place, wallet: Wallet) -> None:
    chain = place.law.chain(wallet.chain)
    assert chain is not None, "a wallet of a parsed law has a chain"
    with place.ledger.read() as session:
        newest = watch.newest(session, chain.chain_id)
    for asset in place.law.assets:
        if asset.chain == wallet.chain and (
            newest is None or newest[1].balance(wallet.address, asset.address) is None
        ):
            raise DrillError(f"the {asset.symbol} balance of {wallet.name} is unknown")


def _head(place: Place, name: str, chain: ChainSettings, url: str) -> Stamp:
    known = place.law.chain(name)
    if known is None:
        raise DrillError(f"{name} is not in the law in force")
    node = connect_node(
        url,
        chain_id=known.chain_id,
        finality=chain.finality,
        deadline_s=chain.deadline_s,
        anchor=chain.anchor,
    )
    try:
        return node.head()
    finally:
        node.close()


def _agreeing(heads: Mapping[str, Stamp], lag_blocks: int) -> int:
    best = max(stamp.number for stamp in heads.values())
    return sum(1 for stamp in heads.values() if best - stamp.number <= lag_blocks)


def _is_active(standing: Standing | None) -> bool:
    return standing is not None and standing.state is WalletState.ACTIVE


_REHEARSALS: Mapping[DrillKind, Callable[[Place, Drill], None]] = {
    DrillKind.ISOLATE: _isolate,
    DrillKind.STOLEN_KEY: _stolen_key,
    DrillKind.RPC_LIES: _rpc_lies,
    DrillKind.HSM_LOSS: _hsm_loss,
    DrillKind.RESTORE: _restore,
}
