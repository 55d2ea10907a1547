"""One endpoint of three lies: nothing that decisions rest on moves, and the lie becomes a fact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from policies.crypto import keccak256, parse_address
from policies.terms import NATIVE, Stamp
from tests.fakes.chain import GWEI, FakeChain
from tests.fakes.devchain import ALICE, BOB, ETHER, signed
from tests.fakes.witness import Mouth, pool_of
from treasury.chain.errors import BelowQuorumError, DisagreementError, WrongChainError
from treasury.chain.pool.pool import ChainPool
from treasury.chain.port import Readings, ReadRequest, Receipt, SendAnswer, SendKind, Topic

WALLET = parse_address(ALICE.address)
REQUEST = ReadRequest(wallets=(WALLET, BOB), assets=(NATIVE,), with_code=True)
RAW = signed(0)
DIGEST = "0x" + keccak256(RAW).hex()


class Scene:
    """Two honest endpoints and one for the test to corrupt, above one mined payment."""

    def __init__(self) -> None:
        self.truth = FakeChain()
        self.truth.fund(WALLET, 100 * ETHER)
        self.truth.send(RAW)
        self.truth.mine(3)
        self.honest = Mouth(self.truth, "honest")
        self.other = Mouth(self.truth, "other")
        self.liar = Mouth(self.truth, "liar")
        self.pool: ChainPool = pool_of(self.liar, self.honest, self.other)

    @property
    def head(self) -> Stamp:
        return self.truth.head()


@pytest.fixture
def scene() -> Scene:
    """Return a pool whose first endpoint is the one that may lie."""
    return Scene()


def _with_balance(amount: int | None) -> Callable[[Readings], Readings]:
    return lambda told: replace(told, balances={**told.balances, (WALLET, NATIVE): amount})


def _topics(pool: ChainPool) -> list[tuple[str, Topic, str, str]]:
    return [(d.endpoint, d.topic, d.said, d.agreed) for d in pool.take_dissents()]


def test_honest_endpoints_agree_and_nobody_dissents(scene: Scene) -> None:
    """Without a liar every fact is the truth and there is nothing to tell."""
    pool, truth = scene.pool, scene.truth
    head = pool.head()
    assert truth.head() == head
    assert truth.finalised(head) == pool.finalised(head)
    assert truth.stamp_at(1) == pool.stamp_at(1)
    assert truth.read_balances(REQUEST, head) == pool.read_balances(REQUEST, head)
    assert 1 == pool.transaction_nonce(WALLET, head)
    assert truth.receipts([DIGEST]) == pool.receipts([DIGEST])
    assert truth.fee_market() == pool.fee_market()
    assert 31337 == pool.chain_id
    assert () == pool.take_dissents()


def test_a_forged_balance_is_outvoted_and_told(scene: Scene) -> None:
    """R4.7: the quorum's balance counts; who said what is there for the guard, once."""
    scene.liar.lies["read_balances"] = _with_balance(5)
    readings = scene.pool.read_balances(REQUEST, scene.head)
    truth = scene.truth.balance(WALLET)
    assert truth == readings.balance(WALLET, NATIVE)
    (dissent,) = scene.pool.take_dissents()
    assert ("liar", Topic.BALANCE, WALLET, NATIVE) == (
        dissent.endpoint,
        dissent.topic,
        dissent.subject,
        dissent.asset,
    )
    assert ("5", str(truth), scene.head.number) == (
        dissent.said,
        dissent.agreed,
        dissent.block_number,
    )
    assert () == scene.pool.take_dissents()


@pytest.mark.parametrize(
    ("topic", "lie"),
    [
        (Topic.NONCE, lambda told: replace(told, nonces={**told.nonces, WALLET: 7})),
        (Topic.CODE, lambda told: replace(told, codes={**told.codes, WALLET: b"\xef\x01\x00"})),
    ],
)
def test_a_forged_nonce_or_code_is_outvoted_and_told(
    scene: Scene, topic: Topic, lie: Callable[[Any], Any]
) -> None:
    """R4.7: a single source that sees a foreign nonce or code is a fact to freeze on, no more."""
    scene.liar.lies["read_balances"] = lie
    readings = scene.pool.read_balances(REQUEST, scene.head)
    assert (1, b"") == (readings.nonces[WALLET], readings.codes[WALLET])
    said = {Topic.NONCE: "7", Topic.CODE: "0xef0100"}[topic]
    agreed = {Topic.NONCE: "1", Topic.CODE: "0x"}[topic]
    assert [("liar", topic, said, agreed)] == _topics(scene.pool)


def test_two_endpoints_that_differ_leave_the_cell_unknown(scene: Scene) -> None:
    """R4.7: without a quorum the cell is unknown, never the first, the mean or zero."""
    scene.other.is_down = True
    scene.liar.lies["read_balances"] = _with_balance(5)
    readings = scene.pool.read_balances(REQUEST, scene.head)
    assert readings.balance(WALLET, NATIVE) is None
    assert ETHER == readings.balance(BOB, NATIVE)
    assert {("liar", ""), ("honest", "")} == {(d[0], d[3]) for d in _topics(scene.pool)}


def test_three_answers_leave_the_cell_unknown_too(scene: Scene) -> None:
    """Three different values are three dissents and no value."""
    scene.liar.lies["read_balances"] = _with_balance(5)
    scene.other.lies["read_balances"] = _with_balance(6)
    readings = scene.pool.read_balances(REQUEST, scene.head)
    assert readings.balance(WALLET, NATIVE) is None
    assert 3 == len(scene.pool.take_dissents())


def test_an_endpoint_that_cannot_read_a_cell_does_not_vote(scene: Scene) -> None:
    """Unknown is no value: two that know outvote it, one alone does not, and nobody dissents."""
    scene.liar.lies["read_balances"] = _with_balance(None)
    known = scene.pool.read_balances(REQUEST, scene.head)
    scene.other.lies["read_balances"] = _with_balance(None)
    unknown = scene.pool.read_balances(REQUEST, scene.head)
    assert scene.truth.balance(WALLET) == known.balance(WALLET, NATIVE)
    assert unknown.balance(WALLET, NATIVE) is None
    assert () == scene.pool.take_dissents()


RECEIPT_LIES: dict[str, Callable[[dict[str, Receipt]], dict[str, Receipt | None]]] = {
    "it reverted": lambda told: {h: replace(r, succeeded=False) for h, r in told.items()},
    "another block": lambda told: {
        h: replace(r, block_hash="0x" + "9" * 64) for h, r in told.items()
    },
    "there is none": dict.fromkeys,
}


@pytest.mark.parametrize("lie", RECEIPT_LIES.values(), ids=RECEIPT_LIES)
def test_a_forged_receipt_is_outvoted_and_told(
    scene: Scene, lie: Callable[[dict[str, Receipt]], dict[str, Receipt | None]]
) -> None:
    """R4.7: whether and where a transfer was mined is what a quorum says."""
    scene.liar.lies["receipts"] = lie
    assert scene.truth.receipts([DIGEST]) == scene.pool.receipts([DIGEST])
    ((endpoint, topic, _, _),) = _topics(scene.pool)
    assert ("liar", Topic.RECEIPT) == (endpoint, topic)


def test_an_invented_receipt_is_none(scene: Scene) -> None:
    """R4.7: one endpoint's receipt for an unmined transfer settles nothing."""
    (real,) = scene.truth.receipts([DIGEST]).values()
    assert real is not None
    missing = "0x" + "77" * 32
    scene.liar.lies["receipts"] = lambda _: {missing: replace(real, transaction_hash=missing)}
    assert {missing: None} == scene.pool.receipts([missing])


def test_a_disputed_receipt_is_neither_there_nor_none(scene: Scene) -> None:
    """R4.7: with the third endpoint away, a disputed receipt raises: unknown is not "none"."""
    scene.other.is_down = True
    scene.liar.lies["receipts"] = RECEIPT_LIES["there is none"]
    with pytest.raises(DisagreementError, match="2 of 3 endpoints must agree on receipt"):
        scene.pool.receipts([DIGEST])


def test_fees_of_a_receipt_are_never_understated(scene: Scene) -> None:
    """Where nodes differ on the fee alone the quorum's counts, else the highest."""
    cheap = lambda told: {h: replace(r, gas_used=1) for h, r in told.items()}  # noqa: E731
    scene.liar.lies["receipts"] = cheap
    (outvoted,) = scene.pool.receipts([DIGEST]).values()
    scene.other.is_down = True
    (highest,) = scene.pool.receipts([DIGEST]).values()
    assert outvoted is not None
    assert outvoted == highest
    assert 21_000 == outvoted.gas_used


def test_a_forged_nonce_alone_is_outvoted(scene: Scene) -> None:
    """R4.7: the second look at a nonce needs a quorum as well."""
    scene.liar.lies["transaction_nonce"] = lambda told: told + 1
    assert 1 == scene.pool.transaction_nonce(WALLET, scene.head)
    assert [("liar", Topic.NONCE, "2", "1")] == _topics(scene.pool)
    scene.other.is_down = True
    with pytest.raises(DisagreementError):
        scene.pool.transaction_nonce(WALLET, scene.head)
    both = [("liar", Topic.NONCE, "2", ""), ("honest", Topic.NONCE, "1", "")]
    assert both == _topics(scene.pool)


def test_another_chain_is_no_voice(scene: Scene) -> None:
    """R4.15: an endpoint that serves another chain is left out, told, and not replaced."""
    for method in ("head", "read_balances", "receipts"):
        scene.liar.failures[method] = WrongChainError("serves chain 1, the law says 31337")
    assert scene.head == scene.pool.head()
    assert [("liar", Topic.CHAIN, "serves chain 1, the law says 31337", "31337")] == _topics(
        scene.pool
    )
    assert scene.pool.health().endpoints[0].is_wrong_chain
    scene.other.is_down = True
    with pytest.raises(BelowQuorumError, match=r"1 answered; serves chain 1.*other is down"):
        scene.pool.head()


@pytest.mark.parametrize("factor", [0, 1000])
def test_one_endpoints_prices_move_nothing(scene: Scene, factor: int) -> None:
    """R4.12: prices a thousand times off, up or down, are outvoted and told."""
    scene.liar.lies["fee_market"] = lambda told: replace(
        told, base_fee=told.base_fee * factor, priority_fee=told.priority_fee * factor
    )
    market = scene.pool.fee_market()
    assert (GWEI, GWEI) == (market.base_fee, market.priority_fee)
    assert [("liar", Topic.FEES, str(GWEI * factor), str(GWEI))] == _topics(scene.pool)


def test_disputed_prices_are_no_prices(scene: Scene) -> None:
    """R4.12: with two endpoints left that differ, nothing is bid at all."""
    scene.other.is_down = True
    scene.liar.lies["fee_market"] = lambda told: replace(told, base_fee=told.base_fee * 1000)
    with pytest.raises(DisagreementError, match="the base fee at block 3"):
        scene.pool.fee_market()


def test_clients_that_count_differently_meet_in_the_middle(scene: Scene) -> None:
    """Three slightly different prices give the middle one, and nobody is called a liar."""
    scene.liar.lies["fee_market"] = lambda told: replace(told, base_fee=told.base_fee + 2)
    scene.other.lies["fee_market"] = lambda told: replace(told, base_fee=told.base_fee + 1)
    assert GWEI + 1 == scene.pool.fee_market().base_fee
    assert () == scene.pool.take_dissents()


def test_the_layer_1_fee_needs_a_quorum(scene: Scene) -> None:
    """R4.12: one endpoint cannot invent a price of data either."""
    scene.truth.layer1_fee = 70
    scene.liar.lies["l1_fee"] = lambda told: told * 1000
    assert 70 == scene.pool.l1_fee(120)
    assert [("liar", Topic.FEES, "70000", "70")] == _topics(scene.pool)


def test_a_broadcast_goes_to_all_and_one_taker_is_enough(scene: Scene) -> None:
    """Everybody gets the bytes; a node that refuses or lies about them changes nothing."""
    raw = signed(1)
    scene.liar.lies["send"] = lambda _: SendAnswer(kind=SendKind.FUNDS, text="no money")
    scene.other.is_down = True
    answer = scene.pool.send(raw)
    # All of them speak for one mempool, and the liar keeps what it says that it refuses.
    assert SendKind.KNOWN is answer.kind
    told = "liar: funds: no money; honest: known: already known; other: other is down"
    assert told == answer.text
    assert raw == scene.truth.mempool[0].raw


def test_refusals_of_all_are_never_called_taken(scene: Scene) -> None:
    """The most telling refusal is the kind; when nobody answers it is TRANSIENT."""
    scene.liar.lies["send"] = lambda _: SendAnswer(kind=SendKind.UNKNOWN, text="?")
    scene.other.is_down = True
    assert SendKind.NONCE_LOW is scene.pool.send(RAW).kind
    scene.liar.lies["send"] = lambda _: SendAnswer(kind=SendKind.ACCEPTED, text="")
    assert SendKind.ACCEPTED is scene.pool.send(RAW).kind
    for mouth in (scene.liar, scene.honest):
        mouth.is_down = True
    assert SendKind.TRANSIENT is scene.pool.send(RAW).kind


def test_a_claim_far_ahead_is_told_and_not_followed(scene: Scene) -> None:
    """R4.7: one endpoint cannot make the others look old."""
    scene.liar.lies["head"] = lambda told: replace(told, number=10**9, hash="0x" + "1" * 64)
    assert scene.head == scene.pool.head()
    assert [("liar", Topic.HEAD, "1000000000", "3")] == _topics(scene.pool)


def test_a_block_with_another_hash_or_time_is_told(scene: Scene) -> None:
    """R4.7: the same height with another hash, or the same hash with another time, is a lie."""
    scene.liar.lies["head"] = lambda told: replace(told, hash="0x" + "1" * 64)
    scene.liar.lies["stamp_at"] = lambda told: replace(told, time=told.time + 1)
    assert scene.head == scene.pool.head()
    assert scene.truth.stamp_at(1) == scene.pool.stamp_at(1)
    assert [Topic.HEAD, Topic.BLOCK] == [d.topic for d in scene.pool.take_dissents()]


def test_a_newer_final_block_is_not_believed(scene: Scene) -> None:
    """R4.7: what one endpoint calls final is not final."""
    scene.liar.lies["finalised"] = lambda _: scene.head
    assert scene.truth.stamp_at(1) == scene.pool.finalised(scene.head)


def test_two_of_three_that_lie_alike_are_believed(scene: Scene) -> None:
    """R4.7: the documented limit: a quorum of liars decides, and the honest one is the dissent."""
    for mouth in (scene.liar, scene.other):
        mouth.lies["read_balances"] = _with_balance(5)
    assert 5 == scene.pool.read_balances(REQUEST, scene.head).balance(WALLET, NATIVE)
    assert ["honest"] == [d.endpoint for d in scene.pool.take_dissents()]


def test_a_stricter_quorum_needs_all_three(scene: Scene) -> None:
    """With three of three one liar makes the cell unknown instead of being outvoted."""
    pool = pool_of(scene.liar, scene.honest, scene.other, quorum=3)
    scene.liar.lies["read_balances"] = _with_balance(5)
    assert pool.read_balances(REQUEST, scene.head).balance(WALLET, NATIVE) is None


def test_dissents_are_bounded(scene: Scene) -> None:
    """A liar whom nobody listens to cannot fill the memory."""
    scene.liar.lies["transaction_nonce"] = lambda told: told + 1
    for _ in range(300):
        scene.pool.transaction_nonce(WALLET, scene.head)
    assert 256 == len(scene.pool.take_dissents())


def test_a_resting_endpoint_gets_the_bytes_all_the_same(scene: Scene) -> None:
    """R4.8: an endpoint that failed three broadcasts is not waited for, and is sent to."""
    scene.liar.is_down = True
    for nonce in (1, 2, 3):
        assert SendKind.ACCEPTED is scene.pool.send(signed(nonce)).kind
    scene.liar.is_down = False
    scene.liar.asked.clear()
    answer = scene.pool.send(signed(4))
    assert ["send"] == scene.liar.asked
    assert "liar" not in answer.text
