"""One law, one text, one digest: whatever means the same is written the same."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.crypto import keccak256
from policies.law import Law, LawError, canonical_law, law_digest, law_from_canonical, parse_law
from policies.law.checks import check_law
from tests.laws import make_document, make_law

LAW = make_law().law
TEXT = canonical_law(LAW)


def test_the_canonical_text_reads_back_to_the_same_law() -> None:
    """R1.3: writing and reading is the identity on texts, and the digest is over the text."""
    again = law_from_canonical(TEXT)

    assert TEXT == canonical_law(again)
    assert keccak256(TEXT) == law_digest(again) == law_digest(LAW)
    for name in ("pools", "roster", "chains", "top_ups", "max_loss"):
        assert getattr(LAW, name) == getattr(again, name), name


def test_the_canonical_text_is_sorted_plain_and_complete() -> None:
    """Keys in order, ASCII, amounts with their symbol, and defaults written out."""
    document = json.loads(TEXT)

    assert sorted(document) == list(document)
    assert TEXT.isascii()
    assert b" ETH" in TEXT
    assert "balance_percent" in document["pools"]["main"]["assets"]["ETH"]["withdrawal"]


def test_defaults_are_written_out() -> None:
    """Leaving a default out and writing it gives one law."""
    explicit = make_law(
        **{
            "wallets.vault.custody": "exclusive",
            "wallets.vault.start_nonce": 0,
            "pools.main.assets.ETH.band.sweep_to": "60",
            "pools.main.assets.USDC.band.urgent_floor": "0.0 USDC",
            "pools.main.assets.ETH.refill.schedule": "always",
            "pools.main.allow": [],
        }
    )

    assert law_digest(LAW) == law_digest(explicit.law)


def test_what_may_be_missing_is_part_of_what_people_sign() -> None:
    """R8.1: with a bound of its own, without it and with another one there are three laws."""
    path = "pools.main.assets.ETH.band.unexplained_max"
    laws = [make_law().law, *(make_law(**{path: amount}).law for amount in ("1 ETH", "2 ETH"))]

    assert 3 == len({law_digest(law) for law in laws})
    assert all(law.pools == law_from_canonical(canonical_law(law)).pools for law in laws)


def test_an_emergency_tier_is_part_of_what_people_sign() -> None:
    """R8.1: with the tier, without it and with another bound there are three laws."""
    path = "pools.main.assets.ETH.refill.emergency"
    tier = {"up_to": "30 ETH", "approvals": 2, "time_lock_s": 0}
    one, other = make_law(**{path: tier}).law, make_law(**{path: {**tier, "up_to": "31 ETH"}}).law

    assert 3 == len({law_digest(LAW), law_digest(one), law_digest(other)})
    assert one.pools == law_from_canonical(canonical_law(one)).pools


def test_receivers_are_part_of_what_people_sign() -> None:
    """R8.1: a named contract, another code of it and none are three laws; it is read back alike."""
    path, place = "chains.devnet.receivers", "0x" + "11" * 20
    laws = [
        make_law(**{path: [{"address": place, "code_hash": "0x" + digit * 64}]}).law
        for digit in "ab"
    ]

    assert 3 == len({law_digest(LAW), *map(law_digest, laws)})
    for law in laws:
        assert law.chains == law_from_canonical(canonical_law(law)).chains
    assert laws[0].chains[0].receivers[0].code_hash == b"\xaa" * 32


def test_optional_parts_stay_out() -> None:
    """A chain without gas sponsor, losses or tokens is written without them."""
    plain = {"id": 5, "native": "COIN", "fee_ceiling": "1"}
    text = canonical_law(make_law(**{"chains.plain": plain}).law)

    assert json.loads(text)["chains"]["plain"] == {
        "id": 5,
        "native": "COIN",
        "fee_ceiling": "1 COIN",
        "tokens": {},
    }


def _shuffled(value: object, lots: random.Random) -> object:
    if isinstance(value, dict):
        keys = list(value)
        lots.shuffle(keys)
        return {key: _shuffled(value[key], lots) for key in keys}
    if isinstance(value, list):
        return [_shuffled(entry, lots) for entry in value]
    return value


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(lots: random.Random) -> None:
    """R8.2: the same content in another order of tables has the same digest."""
    document = _shuffled(make_document(), lots)
    assert isinstance(document, dict)

    assert law_digest(LAW) == law_digest(parse_law(document))


def _leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in children:
        yield from _leaves(child, (*path, key))
    if not isinstance(value, dict | list):
        yield path


FULL = json.loads(TEXT)
LEAVES = list(_leaves(FULL))
CHANGES: tuple[object, ...] = (1, 2, 77, "x-y", "4.5", "58.5 ETH", "70 ETH", "shared", "production")


def _changed(path: tuple[str | int, ...], value: object) -> bytes | None:
    document = copy.deepcopy(FULL)
    place = document
    for step in path[:-1]:
        place = place[step]
    if place[path[-1]] == value:
        return None
    place[path[-1]] = value
    try:
        return law_digest(parse_law(document))
    except LawError:
        return None


@pytest.mark.parametrize("path", LEAVES, ids=lambda path: ".".join(map(str, path)))
def test_every_value_counts(path: tuple[str | int, ...]) -> None:
    """R8.1: no value of a law can change without changing the digest that people signed."""
    digests = [digest for value in CHANGES if (digest := _changed(path, value))]

    assert law_digest(LAW) not in digests


def test_most_values_can_change_at_all() -> None:
    """The test above is not empty: nearly every value has another good one among those tried."""
    tried = [path for path in LEAVES if any(_changed(path, value) for value in CHANGES)]

    assert len(tried) > len(LEAVES) // 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b",", b", "),
        (b'"20 ETH"', b'"20.0 ETH"'),
        (b'"20 ETH"', b'"20"'),
        (b'"0.2 ETH"', b'"00.2 ETH"'),
        (b'{"activation_s":0', b'{"activation_s":0,"activation_s":0'),
        (b'"activation_s":0', b'"activation_s":-0'),
        (b'"allow":[],', b""),
    ],
)
def test_another_spelling_is_refused(old: bytes, new: bytes) -> None:
    """R8.2: a text that means the law but is not its canonical form is not taken."""
    assert old in TEXT

    with pytest.raises(LawError, match="not written in canonical form"):
        law_from_canonical(TEXT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b"[]", "must be one JSON object"),
        (b"{}", "missing"),
        (b'{"version":1e999}', "version"),
        (b'{"version":NaN}', "version"),
    ],
)
def test_what_is_no_law_is_refused(text: bytes, message: str) -> None:
    """R6.7: bytes that are no law end in a `LawError`, however they are broken."""
    with pytest.raises(LawError, match=message):
        law_from_canonical(text)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.integers(0, 255))
def test_one_changed_byte_is_another_law_or_none(index: int, byte: int) -> None:
    """R1.3: a flipped byte of a stored law is refused or has another digest."""
    text = TEXT[:index] + bytes([byte]) + TEXT[index + 1 :]
    try:
        law = law_from_canonical(text)
    except LawError:
        return
    assert (text == TEXT) == (law_digest(law) == law_digest(LAW))


AMOUNTS = st.integers(1, 10**24)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, object]:
    """Draw a document with one token of any precision and bands, tiers and limits in order."""
    decimals = draw(st.integers(0, 27))

    def write(amount: int) -> str:
        whole, part = divmod(amount, 10**decimals)
        return f"{whole}.{part:0{decimals}d} USDC" if decimals else f"{whole} USDC"

    least, gap = draw(AMOUNTS), draw(AMOUNTS)
    floor = draw(st.integers(0, 10**24))
    target = floor + least + gap
    cap = target + least + draw(AMOUNTS)
    bounds = sorted(draw(st.sets(AMOUNTS, max_size=3)))
    tiers: list[object] = [
        {"up_to": write(bound), "approvals": 1 + i // 2, "time_lock_s": i}
        for i, bound in enumerate(bounds)
    ]
    return make_document(
        **{
            "chains.devnet.tokens.USDC.decimals": decimals,
            "chains.devnet.max_loss": draw(st.sampled_from([{}, {"USDC": write(cap)}])),
            "pools.main.assets.USDC.band.floor": write(floor),
            "pools.main.assets.USDC.band.target": write(target),
            "pools.main.assets.USDC.band.cap": write(cap),
            "pools.main.assets.USDC.band.minimum_move": write(least),
            "pools.main.assets.USDC.refill.tiers": [*tiers, {"approvals": 3, "time_lock_s": 9}],
            "pools.main.assets.USDC.withdrawal": {
                "per_transfer": write(draw(AMOUNTS)),
                "window_s": draw(st.integers(1, 86_400)),
                "window_amount": write(draw(AMOUNTS)),
                "window_count": draw(st.integers(1, 10**9)),
                "first_use_amount": write(draw(AMOUNTS)),
            },
        }
    )


@settings(max_examples=100, deadline=None)
@given(documents())
def test_any_good_law_survives_its_canonical_text(document: dict[str, object]) -> None:
    """R1.3: canonical texts of many laws read back to the same facts, amounts to the base unit."""
    law = parse_law(document)

    again = law_from_canonical(canonical_law(law))

    assert canonical_law(law) == canonical_law(again)
    assert law.pools == again.pools
    assert law.max_loss == again.max_loss


def test_a_law_that_was_built_by_hand_is_checked_too() -> None:
    """A pool on an unknown chain is a breach, and an unknown asset cannot be written."""
    pool = LAW.pools[0]
    names = ("version", "profile", "activation_s", "roster", "wallets", "top_ups", "max_loss")
    rest = {name: getattr(LAW, name) for name in names}
    no_chain = Law(**rest, chains=(), assets=LAW.assets, pools=(pool,))
    native_only = tuple(asset for asset in LAW.assets if asset.is_native)
    no_token = Law(**rest, chains=LAW.chains, assets=native_only, pools=(pool,))

    assert "pools.main.chain = 'devnet': no such chain; add [chains.devnet]" in check_law(no_chain)
    assert check_law(no_token) == ()
    with pytest.raises(LawError, match=r"pools\.main names an unknown asset USDC"):
        canonical_law(no_token)
