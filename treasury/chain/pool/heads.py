"""Which block is the head of the group, and which block is final for it.

The head is the highest block that a quorum has reached and agrees on by hash. An endpoint that is
further behind than the tolerance does not count, so it never drags decisions back to its older
head; one that claims a block far ahead does not count either. Final is what a quorum calls final
at least. Once a head was agreed on, an older one counts only when every endpoint says so.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from policies.terms import Stamp
from treasury.chain.errors import BelowQuorumError, DisagreementError, MissingBlockError
from treasury.chain.pool.panel import Matter, Panel
from treasury.chain.pool.votes import Answer, Voice, answers_in
from treasury.chain.port import Topic

_FORK_STEPS = 4
_Stamps = tuple[tuple[int, Stamp | None], ...]


class Heads:
    """The newest agreed head of one group; used by several threads."""

    def __init__(self, panel: Panel, *, lag_blocks: int) -> None:
        """Count endpoints up to `lag_blocks` behind."""
        self._panel = panel
        self._lag_blocks = lag_blocks
        self._lock = threading.Lock()
        self._newest: Stamp | None = None

    @property
    def newest(self) -> Stamp | None:
        """Return the head that was agreed on last; None before the first one."""
        return self._newest

    def head(self) -> Stamp:
        """Return the head of the group; raises `BelowQuorumError`."""
        voices = self._panel.poll(lambda witness: witness.head(), self._is_settled)
        said = answers_in(voices)
        self._remember(said)
        number = group_number([a.value.number for a in said], self._panel.quorum, self._lag_blocks)
        if number is None:
            raise self._panel.refusal(voices, "the newest block")
        self._note_claims(said, number)
        self._refuse_older(said, number)
        found = self._agreed(voices, number)
        with self._lock:
            self._newest = found
        return found

    def finalised(self, head: Stamp) -> Stamp:
        """Return the newest block that a quorum calls final; raises `ChainError` leaves."""
        panel = self._panel
        voices = panel.poll(lambda witness: witness.finalised(head))
        numbers = sorted((a.value.number for a in answers_in(voices)), reverse=True)
        if len(numbers) < panel.quorum:
            raise panel.refusal(voices, "the newest final block")
        number = min(numbers[panel.quorum - 1], head.number)
        matter = Matter(topic=Topic.FINALITY, subject=str(number), block_number=number)
        return self._at(voices, number, matter)

    def stamp_at(self, number: int) -> Stamp:
        """Return the block of this number; raises `ChainError` leaves."""
        matter = Matter(topic=Topic.BLOCK, subject=str(number), block_number=number)
        return self._panel.agree(lambda witness: witness.stamp_at(number), matter, _shown)

    def stamps_at(self, numbers: Sequence[int]) -> Mapping[int, Stamp | None]:
        """Return several blocks in one question; where one is disputed, each by itself."""
        voices: list[Voice[_Stamps]] = self._panel.poll(
            lambda witness: tuple(witness.stamps_at(numbers).items())
        )
        if self._panel.has_winner(voices):
            matter = Matter(topic=Topic.BLOCK, subject=f"{len(numbers)} blocks")
            agreed: _Stamps = self._panel.settle(voices, matter, _counted)
            return dict(agreed)
        return {number: self._found(number) for number in numbers}

    def _found(self, number: int) -> Stamp | None:
        try:
            return self.stamp_at(number)
        except MissingBlockError:
            return None

    def _agreed(self, voices: Sequence[Voice[Stamp]], number: int) -> Stamp:
        """Go back a few blocks where the newest ones are still disputed, as after a fork."""
        matter = Matter(topic=Topic.HEAD, subject=str(number), block_number=number)
        try:
            return self._at(voices, number, matter)
        except DisagreementError as error:
            last = error
        for step in range(1, min(_FORK_STEPS, number) + 1):
            try:
                return self.stamp_at(number - step)
            except DisagreementError as error:
                last = error
        raise last

    def _at(self, voices: Sequence[Voice[Stamp]], number: int, matter: Matter) -> Stamp:
        """Return the agreed block of this number, by the voices at hand where they suffice."""
        panel = self._panel
        at = [a for a in answers_in(voices) if a.value.number == number]
        if panel.has_winner(at):
            return panel.settle(at, matter, _shown)
        return panel.agree(lambda witness: witness.stamp_at(number), matter, _shown)

    def _refuse_older(self, said: Sequence[Answer[Stamp]], number: int) -> None:
        newest, panel = self._newest, self._panel
        if newest is None or number >= newest.number:
            return
        is_unanimous = len(said) == len(panel.endpoints) and all(
            answer.value.number < newest.number for answer in said
        )
        if not is_unanimous:
            raise BelowQuorumError(
                f"chain {panel.chain_id}: only endpoints behind block {newest.number} answer"
            )

    def _note_claims(self, said: Sequence[Answer[Stamp]], number: int) -> None:
        matter = Matter(topic=Topic.HEAD, subject=str(number), block_number=number)
        for answer in said:
            if answer.value.number > number + self._lag_blocks:
                claim = matter.dissent(answer.endpoint, answer.value.number, number)
                self._panel.note(claim)

    def _remember(self, said: Sequence[Answer[Stamp]]) -> None:
        heads = {answer.endpoint: answer.value for answer in said}
        for endpoint in self._panel.endpoints:
            endpoint.head = heads.get(endpoint.name, endpoint.head)

    def _is_settled(self, voices: Sequence[Voice[Stamp]]) -> bool:
        numbers = [a.value.number for a in answers_in(voices)]
        found = group_number(numbers, self._panel.quorum, self._lag_blocks)
        newest = self._newest
        return found is not None and (newest is None or found >= newest.number)


def group_number(numbers: Sequence[int], quorum: int, lag_blocks: int) -> int | None:
    """Return the highest number that a quorum has reached without being far ahead of it."""
    for number in sorted(set(numbers), reverse=True):
        if sum(number <= other <= number + lag_blocks for other in numbers) >= quorum:
            return number
    return None


def _counted(stamps: _Stamps) -> str:
    return f"{sum(stamp is not None for _, stamp in stamps)} blocks"


def _shown(stamp: Stamp) -> str:
    return f"{stamp.number} {stamp.hash} {stamp.time}"
