"""Survey: watch who may command our vaults' contracts, and who may take our wallets' tokens.

Thieves prepare: an owner added, a module enabled, a guard removed or the code behind a Safe swapped
days before, or an allowance signed off the chain. So at every look
- the contracts that the settings call authorities are asked who commands them. Whatever changed
  halts all exposure and rings; nothing is refilled until a quorum resumed, and accepted it so.
- the allowances of wallets that only we sign for, to the spenders of the settings, are compared
  with the first look. The signer signs no allowance, so one that grew was signed by somebody else
  with the same key: proof. One that was there at the first look may be older than the treasury, and
  rings until a person has looked at it.

State is asked for, and no logs: those grow with foreign traffic. Wallets take turns when there are
very many. What is unknown is neither a change nor remembered; what stays unknown for a minute
rings, because a thief's preparations may hide there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from policies.law import Chain, Custody, Law, Role, Wallet
from policies.lifecycles import Owner, WalletState
from policies.terms import Address, Reason, Stamp
from treasury.chain.authority import POWERS
from treasury.chain.errors import ChainError
from treasury.chain.port import RightsRequest
from treasury.clock import unix
from treasury.ledger import Session, alarms, marks
from treasury.ledger.queries import standings, watch
from treasury.safety.halting import halt
from treasury.safety.isolation import act_on_proof
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "survey"
MOST_ALLOWANCES = 100
"""So many are asked for at a look; those of one wallet always together."""
UNREAD_S = 60
"""How long a power may stay unread before that rings."""
_CUT_OFF = frozenset({WalletState.ISOLATED, WalletState.RETIRED})


def survey(world: World, now: datetime) -> Outcome:
    """Compare authorities and allowances with what was seen first, and act on what changed."""
    deeds = Deeds(_NAME)
    if not world.settings.authorities and not world.settings.spenders:
        return deeds.outcome()
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        tick = watch.last_good_tick(session, world.chain_id)
        gone = {s.name for s in standings.in_states(session, world.chain_id, *_CUT_OFF)}
    if found is None:
        return Outcome(station=_NAME, unavailable=NO_LAW)
    if tick is None or tick.head is None:
        return deeds.outcome()
    law, chain = found
    _watch_authorities(world, tick.head, deeds, unix(now))
    for wallet in _turn(world, law, chain, gone, unix(now)):
        if not _watch_allowances(world, law, wallet, tick.head, deeds, unix(now)):
            break  # the others of this turn would wait for the same silence
    return deeds.outcome()


def _watch_authorities(world: World, head: Stamp, deeds: Deeds, now: int) -> None:
    contracts = world.settings.authorities
    seen = _commanders(world, head, deeds) if contracts else {}
    for contract in contracts:
        key = f"authority:{world.chain_id}:{contract}"
        known, told = _recalled(world, key), seen.get(contract, {})
        unread = [name for name in POWERS if name not in told]
        _note_unread(world, known, f"contract:{contract}", unread, now)
        before = known.values
        changed = [name for name, value in told.items() if before.get(name, value) != value]
        if {**before, **told} != before:
            _write_authority(world, key, {**before, **told}, contract, (changed, now))
        if changed:
            deeds.add(f"halted: {', '.join(changed)} of {contract} changed")


def _commanders(world: World, head: Stamp, deeds: Deeds) -> Mapping[Address, Mapping[str, str]]:
    """Ask who commands the contracts; without an answer the lane goes on, and it counts as unread.

    What leaves an isolated wallet must not wait for a node that cannot answer such questions.
    """
    try:
        return world.chain.authority(world.settings.authorities, head)
    except ChainError as error:
        deeds.add(f"could not read who commands our contracts: {error}")
        return {}


def _write_authority(
    world: World, key: str, value: Mapping[str, str], contract: Address, news: tuple[list[str], int]
) -> None:
    """Remember what is there now; a change halts in the same commit, so that none is forgotten."""
    changed, now = news
    with world.ledger.write() as session:
        marks.remember(session, key, json.dumps(value, sort_keys=True))
        if not changed:
            return
        text = f"who commands {contract} changed: {', '.join(changed)}; look before you resume"
        why = (Reason(code="authority_changed", text=text),)
        halt(session, actor=Owner.GUARD, why=why, now=now)
        body = {"why": text, "now": {name: value[name] for name in changed}}
        subject = f"contract:{contract}"
        marks.tell(session, "authority_changed", subject, body, now=now, actor=Owner.GUARD.value)


def _turn(world: World, law: Law, chain: Chain, gone: set[str], now: int) -> list[Wallet]:
    """Return the wallets whose allowances are asked for at this look."""
    ours = [
        wallet
        for wallet in law.wallets
        if wallet.chain == chain.name
        and wallet.custody is Custody.EXCLUSIVE
        and wallet.role is not Role.GAS_SPONSOR
        and wallet.name not in gone
    ]
    each = len(_tokens(law, chain.name)) * len(world.settings.spenders)
    if not each or not ours:
        return []
    many = max(1, MOST_ALLOWANCES // each)
    start = now * many % len(ours)
    return ours if many >= len(ours) else (ours + ours)[start : start + many]


def _tokens(law: Law, chain: str) -> tuple[Address, ...]:
    return tuple(a.address for a in law.assets if a.chain == chain and not a.is_native)


def _watch_allowances(  # noqa: PLR0917 - one wallet at one look
    world: World, law: Law, wallet: Wallet, head: Stamp, deeds: Deeds, now: int
) -> bool:
    """Compare the allowances of one wallet; say no when nobody answered."""
    request = RightsRequest(
        wallets=(wallet.address,),
        assets=_tokens(law, wallet.chain),
        spenders=world.settings.spenders,
        contracts=(),
    )
    key = f"allowances:{world.chain_id}:{wallet.address}"
    known = _recalled(world, key)
    try:
        held = world.chain.rights(request, head).allowances
    except ChainError as error:
        deeds.add(f"could not read the allowances of {wallet.name}: {error}")
        _note_unread(world, known, f"wallet:{wallet.name}", ["its allowances"], now)
        return False
    unread = [f"allowance of {a} to {s}" for (_, a, s), n in held.items() if n is None]
    _note_unread(world, known, f"wallet:{wallet.name}", unread, now)
    before = known.values
    seen = {f"{a}:{s}": str(n) for (_, a, s), n in held.items() if n is not None}
    grown = [name for name, n in seen.items() if int(n) > int(before.get(name, n))]
    for name in grown:
        asset, _, spender = name.partition(":")
        text = f"{spender} may take {seen[name]} base units of {asset} from {wallet.name}"
        why = Reason(code="foreign_allowance", text=f"{text}, and our signer signs no allowance")
        done = act_on_proof(world, law, wallet, (why,), now=now)
        if done:
            deeds.add(done)
    if not grown and {**before, **seen} != before:
        found = {name: n for name, n in seen.items() if n != "0" and name not in before}
        with world.ledger.write() as session:
            marks.remember(session, key, json.dumps({**before, **seen}, sort_keys=True))
            _tell_found(session, wallet, found, now)
    return True


def _tell_found(session: Session, wallet: Wallet, found: Mapping[str, str], now: int) -> None:
    """Tell of allowances that were there before anybody watched: our signer signed none."""
    if not found:
        return
    cells = [(n, *name.split(":")) for name, n in found.items()]
    each = [f"{spender} may take {n} base units of {asset}" for n, asset, spender in cells]
    why = f"{'; '.join(each)} from {wallet.name}, since before the first look"
    subject = f"wallet:{wallet.name}"
    marks.tell(session, "allowance_found", subject, {"why": why}, now=now, actor=Owner.GUARD.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What earlier looks at one subject told; `unread_since` is zero when all of it was read."""

    key: str
    values: dict[str, str]
    unread_since: int


def _recalled(world: World, key: str) -> _Known:
    with world.ledger.read() as session:
        text = standings.remembered(session, key)
        since = standings.remembered(session, f"unread:{key}")
    return _Known(key=key, values=json.loads(text) if text else {}, unread_since=int(since or "0"))


def _note_unread(
    world: World, known: _Known, subject: str, unread: Sequence[str], now: int
) -> None:
    """Ring when something stayed unread for too long, and say when all of it is read again."""
    is_young = not known.unread_since or now - known.unread_since < UNREAD_S
    if bool(unread) == bool(known.unread_since) and (not unread or is_young):
        return
    with world.ledger.write() as session:
        rings = alarms.rings(session, "power_unread", subject)
        if bool(unread) != bool(known.unread_since):
            marks.remember(session, f"unread:{known.key}", str(now) if unread else "")
        if rings and not unread:
            marks.tell(session, "power_read", subject, {}, now=now, actor=Owner.GUARD.value)
        elif unread and not rings and not is_young:
            why = f"nobody could read {', '.join(unread)} for {now - known.unread_since} s"
            body = {"why": why}
            marks.tell(session, "power_unread", subject, body, now=now, actor=Owner.GUARD.value)
