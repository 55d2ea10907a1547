"""Conditions: trouble that is a state and not an event, so that no journal line tells of it.

Each condition writes a line when it has been bad for the patience of the settings, and another
when it is good again; the lines ring and end the alarm like all others. Whether it rings already
is asked of the ledger, so that a restart neither forgets an alarm nor rings it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from config.settings import ChainSettings
from policies.amounts import format_amount
from policies.exposure import above_max_loss, exposures
from policies.law import Law
from policies.lifecycles import WalletState
from treasury.briefing.exposure import gather
from treasury.clock import Clock, unix
from treasury.ledger import Ledger, Session, alarms, listings, marks
from treasury.ledger.facts import Standing, Transfer
from treasury.ledger.queries import standings, transfers, watch
from treasury.records.checkpoints import unsigned_since


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing at one moment: which line tells that it is bad, which that it is good again.

    `why` is empty while it is good; `is_patient`: a short trouble is none.
    """

    bad: str
    good: str
    subject: str
    why: str
    is_patient: bool = True


Look = Callable[[int], Iterable[Condition]]
"""Looks at some conditions at a time (unix seconds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Looks at every condition and tells the edges."""

    ledger: Ledger
    clock: Clock
    patience_s: float
    looks: tuple[Look, ...]
    bad_since: dict[tuple[str, str], int] = field(default_factory=dict)

    def look(self) -> None:
        """Look at all of them once."""
        now = unix(self.clock())
        for look in self.looks:
            for condition in look(now):
                self._judge(condition, now)

    def _judge(self, condition: Condition, now: int) -> None:
        key = (condition.bad, condition.subject)
        with self.ledger.read() as session:
            rings = alarms.rings(session, *key)
        if condition.why:
            since = self.bad_since.setdefault(key, now)
            is_ripe = not condition.is_patient or now - since >= self.patience_s
            if is_ripe and not rings:
                self._tell(condition.bad, condition, now)
            return
        self.bad_since.pop(key, None)
        if rings:
            self._tell(condition.good, condition, now)

    def _tell(self, kind: str, condition: Condition, now: int) -> None:
        body = {"why": condition.why} if condition.why else {}
        with self.ledger.write() as session:
            marks.tell(session, kind, condition.subject, body, now=now, actor="alerts")


_WELL = frozenset({"ready", "locked"})


def signer_speaks(health: Callable[[], str]) -> Look:
    """Return a look at the signer: well, or what it is instead.

    A locked token is well: people lock it on purpose, and the transfer that needs it rings.
    """

    def look(_now: int) -> Iterable[Condition]:
        found = health()
        why = "" if found in _WELL else f"the signer is {found}: not everything can be signed"
        yield Condition(bad="signer_silent", good="signer_ready", subject="signer:signer", why=why)

    return look


def chains_are_seen(ledger: Ledger, stale_after_s: dict[int, float]) -> Look:
    """Return a look at the age of the newest good reading of each chain, by chain id."""

    def look(now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            ticks = listings.last_ticks(session)
        for chain_id, most_s in stale_after_s.items():
            tick = ticks.get(chain_id)
            is_fresh = tick is not None and tick.ok and now - tick.at <= most_s
            why = "" if is_fresh else _unseen(tick.error if tick else "", chain_id)
            yield Condition(
                bad="chain_unseen", good="chain_seen", subject=f"chain:{chain_id}", why=why
            )

    return look


def drills_are_fresh(ledger: Ledger, overdue_s: float) -> Look:
    """Return a look at the age of the last drill; the first is due that long after the start."""

    def look(now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            last = standings.remembered(session, LAST_DRILL)
            began = standings.exposure(session)
        since = int(last) if last else (began.changed_at if began else now)
        age_s = now - since
        why = "" if age_s <= overdue_s else f"the last drill was {age_s // 86_400} days ago"
        yield Condition(
            bad="drill_overdue",
            good="drill_fresh",
            subject="drill:drill",
            why=why,
            is_patient=False,
        )

    return look


def heads_are_signed(ledger: Ledger, after_s: float) -> Look:
    """Return a look at how long lines of the journal wait for a signature over their head."""

    def look(now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            since = unsigned_since(session)
        waits_s = 0 if since is None else now - since
        yield Condition(
            bad="checkpoint_overdue",
            good="checkpoint_fresh",
            subject="journal:journal",
            why=f"the journal's head was not signed for {waits_s} s" if waits_s > after_s else "",
        )

    return look


def losses_are_accepted(ledger: Ledger, chains: Mapping[str, ChainSettings]) -> Look:
    """Return a look at what a theft could cost now against the law's `max_loss`."""

    def look(_now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            law = standings.law(session)
            facts = None if law is None else gather(session, law, chains)
        above = () if facts is None else above_max_loss(exposures(facts))
        named = [f"{f.threat.value} of {f.name} in {f.symbol}" for f in above[:_MOST_NAMED]]
        yield Condition(
            bad="exposure_exceeded",
            good="exposure_bounded",
            subject="law:max_loss",
            why=f"more than max_loss could be lost: {', '.join(named)}" if named else "",
        )

    return look


def retired_stay_empty(ledger: Ledger) -> Look:
    """Return a look at what came into retired wallets since they were retired.

    Whoever sends gas to a key that nobody uses any more is about to use it.
    """

    def look(_now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            law = standings.law(session)
            retired = [s for s in standings.wallets(session) if s.state is WalletState.RETIRED]
            came = {s.name: tuple(_inflows(session, law, s)) for s in retired} if law else {}
        for name, inflows in came.items():
            yield Condition(
                bad="wallet_stirred",
                good="wallet_quiet",
                subject=f"wallet:{name}",
                why=f"{', '.join(inflows)} came in after {name} was retired" if inflows else "",
                is_patient=False,
            )

    return look


def signer_agrees(ledger: Ledger) -> Look:
    """Return a look at how often the signer refused for good what we asked it for, by wallet.

    What the daemon lets pass and the signer refuses, again and again, is either two laws that
    differ or somebody who tries what goes through.
    """

    def look(now: int) -> Iterable[Condition]:
        with ledger.read() as session:
            names = {(s.chain_id, s.address): s.name for s in standings.wallets(session)}
            # Twice as long as counts, so that an alarm is also seen to end.
            given_up = transfers.given_up(
                session, {chain_id for chain_id, _ in names}, now - 2 * REFUSALS_S
            )
        by_wallet: dict[str, list[Transfer]] = {}
        for transfer in given_up:
            name = names.get((transfer.chain_id, transfer.source))
            if name and any(reason.code not in _OUR_OWN for reason in transfer.reasons):
                by_wallet.setdefault(name, []).append(transfer)
        for name, refused in by_wallet.items():
            newest = [t for t in refused if t.changed_at > now - REFUSALS_S]
            yield Condition(
                bad="signing_refused",
                good="signing_agreed",
                subject=f"wallet:{name}",
                why=_refusals(newest) if len(newest) >= MOST_REFUSALS else "",
                is_patient=False,
            )

    return look


def _refusals(refused: list[Transfer]) -> str:
    codes = sorted({r.code for t in refused for r in t.reasons if r.code not in _OUR_OWN})
    sums: dict[str, int] = {}
    for transfer in refused:
        sums[transfer.asset] = sums.get(transfer.asset, 0) + transfer.amount
    amounts = ", ".join(f"{amount} base units of {asset}" for asset, amount in sums.items())
    return f"the signer refused {len(refused)} orders ({amounts}): {', '.join(codes)}"


def _inflows(session: Session, law: Law, standing: Standing) -> Iterator[str]:
    place, since = (standing.chain_id, standing.address), standing.changed_at
    for asset in law.assets:
        chain = law.chain(asset.chain)
        if chain is None or chain.chain_id != standing.chain_id:
            continue
        before = watch.balance_at(session, *place, asset.address, since)
        now = watch.balance(session, *place, asset.address)
        if before is not None and now is not None and now > before:
            yield format_amount(now - before, asset.symbol, asset.decimals)


_MOST_NAMED = 5
MOST_REFUSALS = 5
REFUSALS_S = 3_600
"""So many refusals of one wallet within that time ring."""
_OUR_OWN = frozenset({"expired", "cut_off", "vetoed", "unknown_asset"})
"""Why we gave something up ourselves; all other reasons are the signer's."""
LAST_DRILL = "last_drill"
"""The name under which the time of the last drill is remembered."""


def _unseen(error: str, chain_id: int) -> str:
    return f"chain {chain_id} was not read: {error or 'no look at it is fresh'}"
