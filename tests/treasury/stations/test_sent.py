"""What a node says to stored bytes: written down as it was said, and never an outcome."""

from __future__ import annotations

import pytest

from policies.lifecycles import AttemptState, TransferState
from tests.fakes.belt import Belt
from tests.laws import ETH
from treasury.chain.port import SendAnswer, SendKind
from treasury.ledger.facts import Attempt
from treasury.ledger.queries import transfers

HAS_IT = {SendKind.ACCEPTED, SendKind.KNOWN}


def only_attempt(belt: Belt) -> Attempt:
    """Return the one attempt of the one transfer."""
    with belt.ledger.read() as session:
        (group,) = transfers.attempts_of(session, [t.id for t in belt.transfers()]).values()
    (attempt,) = group
    return attempt


@pytest.mark.parametrize("kind", SendKind)
def test_only_a_node_that_has_it_makes_it_broadcast(calm: Belt, kind: SendKind) -> None:
    """R4.4: any other answer leaves it signed and in flight, with the words, to be sent again."""
    calm.ask_withdrawal(ETH, "customer")
    calm.chain.next_answers.append(SendAnswer(kind=kind, text="its words"))
    calm.money()
    attempt = only_attempt(calm)

    assert attempt.state is (AttemptState.BROADCAST if kind in HAS_IT else AttemptState.SIGNED)
    assert attempt.answer == f"{kind.value}: its words"
    assert attempt.sent_at == calm.clock.unix()
    assert [TransferState.IN_FLIGHT] == [transfer.state for transfer in calm.transfers()]
