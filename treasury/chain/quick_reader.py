"""Reads many balances at one block with few calls, and what those do not tell one by one.

Ways to read are tried from the quickest on. Whatever a quick way does not know, a whole call that
the node refused or a single cell, is asked for once more by a plain call of its own within the
same reading: so every way gives the same facts, and an odd token harms only itself. A way that is
refused again and again rests for a while.

A block never changes. Most blocks are read twice, as the head and when they are final, and a final
one again until the next is: a reading of the same cells at the same hash is kept for a while. Then
the node is asked only whether the block is still part of the chain, and for what is unknown.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import msgspec

from policies.terms import Address, Stamp
from treasury.chain import reader
from treasury.chain.chunks import Cell, Chunk, Way
from treasury.chain.code_sight import ACCOUNTS_MOST, code_call, with_code
from treasury.chain.errors import BadAnswerError, NodeError
from treasury.chain.port import Readings, ReadRequest
from treasury.chain.rpc import Call, RpcClient

_FEW_CELLS = 8
_REFUSALS_MOST = 3
_REST_READINGS = 200
_REPLIES_KEPT = 2
_READINGS_KEPT = 16
"""Of the blocks between the head and finality; what was read of a lower one is dropped first."""

Values = list[int | None]


class QuickReader:
    """Reads of one node. Calls of several threads wait for each other."""

    def __init__(self, rpc: RpcClient, ways: Sequence[Way]) -> None:
        """Prefer the first of `ways`; without any, every cell is a call of its own."""
        self._rpc = rpc
        self._lanes = [_Lane(way=way) for way in ways]
        self._kept: dict[str, tuple[ReadRequest, Readings]] = {}
        self._lock = threading.Lock()

    def read_balances(self, request: ReadRequest, at: Stamp) -> Readings:
        """Read every cell of `request` at the block of `at`.

        Raises `MissingBlockError` when the block is no longer on the chain, and what the client
        of the node raises.
        """
        if request.with_code and not request.assets:
            return self._read_codes(request, at)
        if len(request.wallets) * len(request.assets) < _FEW_CELLS:
            return reader.read_balances(self._rpc, request, at)
        with self._lock:
            kept_for, known = self._kept.get(at.hash, (request, None))
            found = (
                self._again(known, at)
                if known is not None and kept_for == request
                else self._read_anew(request, at)
            )
            if None not in found.nonces.values() and None not in found.codes.values():
                self._keep(request, found)
            return found

    def _keep(self, request: ReadRequest, readings: Readings) -> None:
        self._kept[readings.stamp.hash] = (request, readings)
        if len(self._kept) > _READINGS_KEPT:
            # Finality only rises: the lowest block is the one that is never asked for again.
            lowest = min(self._kept.values(), key=lambda kept: kept[1].stamp.number)[1]
            del self._kept[lowest.stamp.hash]

    def _again(self, known: Readings, at: Stamp) -> Readings:
        """Return what is known of a block that is still there, asking for unknown balances anew."""
        if None not in known.balances.values():
            reader.require_block(self._rpc, at)
            return replace(known, stamp=at)
        unknown = [cell for cell, amount in known.balances.items() if amount is None]
        found = reader.read_cells(self._rpc, unknown, at)
        return replace(known, stamp=at, balances={**known.balances, **found})

    def _read_anew(self, request: ReadRequest, at: Stamp) -> Readings:
        lane = next((lane for lane in self._lanes if lane.is_rested()), None)
        if lane is None:
            return reader.read_balances(self._rpc, request, at)
        return self._read(lane, request, at)

    def _read_codes(self, request: ReadRequest, at: Stamp) -> Readings:
        """Read the code of accounts alone: a byte for each, and the code of those that have some.

        A node that refuses such calls is asked account by account.
        """
        pin, wallets = reader.pin(at), request.wallets
        groups = [wallets[i : i + ACCOUNTS_MOST] for i in range(0, len(wallets), ACCOUNTS_MOST)]
        calls = [Call("eth_call", (code_call(group), pin)) for group in groups]
        *found, block = self._rpc.batch([*calls, reader.block_call(at)])
        reader.require_same_block(block, at)
        suspects: list[Address] = []
        for group, answer in zip(groups, found, strict=True):
            try:
                has = group if isinstance(answer, NodeError) else with_code(group, bytes(answer))
            except BadAnswerError:
                has = group
            suspects += has
        codes: dict[Address, bytes | None] = dict.fromkeys(wallets, b"")
        if suspects:
            some = replace(request, wallets=tuple(suspects))
            codes |= reader.read_balances(self._rpc, some, at).codes
        return Readings(stamp=at, balances={}, nonces={}, codes=codes)

    def _read(self, lane: _Lane, request: ReadRequest, at: Stamp) -> Readings:
        plan = lane.plan_for(request)
        pin = reader.pin(at)
        calls = [Call("eth_call", (chunk.call, pin)) for chunk in plan.chunks]
        calls += reader.account_calls(request, at)
        found = self._rpc.batch(calls)
        size = len(plan.chunks)
        nonces, codes = reader.accounts(request, at, found[size:])
        balances, unknown = plan.balances(lane.way, found[:size])
        lane.note(is_refused=len(unknown) == len(plan.cells))
        if unknown:
            balances = {**balances, **reader.read_cells(self._rpc, unknown, at)}
        return Readings(stamp=at, balances=balances, nonces=nonces, codes=codes)


@dataclass(slots=True, kw_only=True)
class _Lane:
    """One way to read, what it has prepared, and how the node took it."""

    way: Way
    plan: _Plan | None = None
    refusals: int = 0
    rest: int = 0

    def is_rested(self) -> bool:
        self.rest = max(0, self.rest - 1)
        return self.rest == 0

    def note(self, *, is_refused: bool) -> None:
        self.refusals = self.refusals + 1 if is_refused else 0
        if self.refusals >= _REFUSALS_MOST:
            self.refusals, self.rest = 0, _REST_READINGS

    def plan_for(self, request: ReadRequest) -> _Plan:
        subject = (request.wallets, request.assets)
        if self.plan is None or self.plan.subject != subject:
            chunks = self.way.plan(*subject)
            self.plan = _Plan(subject=subject, chunks=chunks, kept=[[] for _ in chunks])
        return self.plan


@dataclass(slots=True, kw_only=True)
class _Plan:
    """The calls for one set of wallets and assets, and the last replies with their values.

    A reply that is byte for byte one of the last two (head and final block take turns) is not
    decoded again.
    """

    subject: tuple[tuple[Address, ...], tuple[Address, ...]]
    chunks: list[Chunk]
    kept: list[list[tuple[bytes, Values]]]
    cells: tuple[Cell, ...] = ()
    last: tuple[list[Values], Mapping[Cell, int | None]] = field(default_factory=lambda: ([], {}))

    def __post_init__(self) -> None:
        self.cells = tuple(cell for chunk in self.chunks for cell in chunk.cells)

    def balances(
        self, way: Way, found: Iterable[msgspec.Raw | NodeError]
    ) -> tuple[Mapping[Cell, int | None], list[Cell]]:
        """Return every cell's value, and the cells that are not known."""
        values = [self._values(way, place, answer) for place, answer in enumerate(found)]
        former, balances = self.last
        if not former or any(new is not old for new, old in zip(values, former, strict=True)):
            balances = dict(zip(self.cells, chain.from_iterable(values), strict=True))
            self.last = (values, balances)
        if any(None in part for part in values):
            return balances, [cell for cell, value in balances.items() if value is None]
        return balances, []

    def _values(self, way: Way, place: int, answer: msgspec.Raw | NodeError) -> Values:
        count = len(self.chunks[place].cells)
        if isinstance(answer, NodeError):
            return [None] * count
        reply, kept = bytes(answer), self.kept[place]
        for known, values in kept:
            if known == reply:
                return values
        try:
            values = way.decode(reply, count)
        except BadAnswerError:
            return [None] * count
        self.kept[place] = [(reply, values), *kept][:_REPLIES_KEPT]
        return values
