"""R8.7: the daemon is taken over and says something else than the terms mean. Nothing is signed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.consent import (
    describe_transfer,
    terms_to_json,
    transfer_digest,
)
from policies.crypto import checksum_address
from policies.law import canonical_law, law_digest
from policies.terms import TransferTerms
from tests.fakes.liar import liar_at
from tests.laws import DEPLOYMENT, ETH, NOON, address_of, make_law, make_terms
from treasury.cli import consent
from treasury.cli.exits import CommandError
from treasury.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Sequence

LAW = make_law().law
KNOWN = consent.KnownLaw(law=LAW, is_own=True)


def honest(terms: TransferTerms | None = None) -> dict[str, Any]:
    """Return what an honest daemon says of a refill."""
    terms = terms or make_terms(LAW)
    digest = "0x" + transfer_digest(terms, DEPLOYMENT).hex()
    return {
        "id": 17,
        "order_id": digest,
        "digest": digest,
        "deployment": "0x" + DEPLOYMENT.hex(),
        "state": "PROPOSED",
        "chain": "devnet",
        "chain_id": 31337,
        "wallet": "hot-a",
        "asset": "ETH",
        "asset_address": terms.asset,
        "amount": str(terms.amount),
        "max_fee": str(terms.max_fee),
        "maker": terms.maker,
        "expires_at": terms.expires_at,
        "required": 2,
        "approved_by": [],
        "approvals": [],
        "vetoes": [],
        "reasons": [],
        "terms": terms_to_json(terms),
    }


def problems_of(found: dict[str, Any]) -> tuple[str, ...]:
    """Return what is wrong with an answer; one that cannot be read is one problem."""
    try:
        return consent.read_transfer(found, KNOWN, NOON).problems
    except CommandError as error:
        return (str(error),)


def test_honest_words_have_no_problem() -> None:
    """What fits is not flagged."""
    assert () == consent.read_transfer(honest(), KNOWN, NOON).problems


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("amount", "1"),
        ("asset", "USDC"),
        ("asset_address", address_of("thief")),
        ("chain", "mainnet"),
        ("chain_id", 1),
        ("maker", address_of("alice")),
        ("max_fee", "1"),
        ("expires_at", NOON + 10**6),
        ("wallet", "hot-b"),
        ("destination", address_of("hot-b")),
        ("digest", "0x" + "00" * 32),
        ("digest", None),
    ],
)
def test_every_word_beside_the_terms_is_compared(name: str, lie: object) -> None:
    """One difference between what is said and what is signed is a problem."""
    found = {**honest(), name: lie}
    assert 1 == len(consent.read_transfer(found, KNOWN, NOON).problems)


def test_terms_that_differ_from_the_words_are_flagged_by_every_field() -> None:
    """The daemon swaps the terms under an honest page: the digest and the words both tell."""
    stolen = replace(make_terms(LAW), amount=99 * ETH)
    stolen = replace(stolen, what=describe_transfer(stolen, LAW))
    found = {**honest(), "terms": terms_to_json(stolen)}
    problems = consent.read_transfer(found, KNOWN, NOON).problems
    assert any("the digest is" in problem for problem in problems)
    assert any("the daemon says amount" in problem for problem in problems)


def test_another_destination_under_the_right_sentence_is_flagged() -> None:
    """The sentence says hot-a, the bytes say the thief."""
    stolen = make_terms(LAW, destination=address_of("thief"))
    problems = consent.read_transfer(honest(stolen), KNOWN, NOON).problems
    assert any("the terms say 'Refill hot-a" in problem for problem in problems)
    assert any("is no hot wallet of the law" in problem for problem in problems)


def test_own_law_unmasks_a_forged_one() -> None:
    """Terms made under a law of the thief's own are refused by a treasurer with a copy."""
    forged = make_law(**{"wallets.hot-a.address": address_of("thief")}).law
    terms = make_terms(forged, destination=address_of("thief"))
    assert terms.law_digest == law_digest(forged)
    problems = consent.read_transfer(honest(terms), KNOWN, NOON).problems
    assert any("another law than your copy" in problem for problem in problems)


def test_address_that_looks_like_one_of_ours_is_pointed_out() -> None:
    """R8.6: the same first and last four digits, another address: a warning names both."""
    ours = address_of("hot-a")
    fake = checksum_address(bytes.fromhex(ours[2:6] + "00" * 16 + ours[-4:]))
    terms = make_terms(LAW, destination=fake)
    warnings = consent.read_transfer(honest(terms), KNOWN, NOON).warnings
    assert f"{fake} looks like hot-a, {ours}, and is another address" in warnings
    assert not [w for w in consent.read_transfer(honest(), KNOWN, NOON).warnings if "looks" in w]


@given(data=st.data())
def test_any_change_of_the_terms_is_a_problem(data: st.DataObject) -> None:
    """R8.1: whichever field the daemon alters, the digest that it names no longer fits."""
    found = copy.deepcopy(honest())
    name = data.draw(st.sampled_from(sorted(found["terms"])))
    found["terms"][name] = data.draw(
        st.sampled_from(["refill", "sweep", "0", "1", "0x" + "11" * 16, "0x" + "22" * 32])
        | st.just(address_of("thief"))
        | st.text(max_size=20)
    )
    if found["terms"] == honest()["terms"]:
        return
    assert problems_of(found)


@pytest.mark.sockets
class TestOverASocket:
    """The same lies, told to the whole program."""

    @pytest.fixture
    def told(
        self,
        tmp_path: Path,
        keystores: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> Callable[..., tuple[int, str, str, Sequence[tuple[str, str, bytes]]]]:
        """Type `refill approve 17` in front of a liar; return code, output and requests."""
        monkeypatch.delenv("TREASURY_LAW", raising=False)

        def tell(
            found: object, raw: bytes | None = None
        ) -> tuple[int, str, str, Sequence[tuple[str, str, bytes]]]:
            law = {"text": canonical_law(LAW).decode(), "digest": "0x"}
            answers = {"/v1/refills/17": found, "/v1/law": law}
            path = tmp_path / "liar.sock"
            words = ["refill", "approve", "17", "--socket", str(path), "--yes"]
            words += ["--keystore", str(keystores / "alice.json")]
            words += ["--password-file", str(keystores / "password")]
            with liar_at(path, answers, raw) as asked:
                code = main(words, lambda: float(NOON))
            printed = capsys.readouterr()
            return code, printed.out, printed.err, asked

        return tell

    def test_lie_is_shown_and_nothing_is_signed(self, told: Callable[..., Any]) -> None:
        """The page shows the bytes' meaning, names the lie, and no signature leaves."""
        code, out, err, asked = told({**honest(), "amount": "1"})
        assert 65 == code
        assert "  amount       40 ETH" in out
        assert "MISMATCH: the daemon says amount '1', the terms say '40000000000000000000'" in out
        assert "treasuryctl: not signed: 1 mismatch" in err
        assert ["GET", "GET"] == [method for method, _, _ in asked]

    def test_escapes_in_reported_words_do_not_reach_the_terminal(
        self, told: Callable[..., Any]
    ) -> None:
        """R8.8: a state or reason that would redraw the screen appears as an escape."""
        reasons = [{"code": "x", "text": "\x1b[1A\x1b[2Kall is well"}]
        code, out, _, _ = told({**honest(), "state": "PROPOSED\x1b[8m", "reasons": reasons})
        assert 1 == code  # the liar knows no approvals; what counts is the screen
        assert "\x1b" not in out
        assert "\\x1b[2Kall is well" in out

    @pytest.mark.parametrize(
        "lie",
        [
            {},
            [],
            "text",
            {"terms": None},
            {"terms": {"what": "x"}, "deployment": "0x"},
            {**honest(), "deployment": "0xzz"},
            {**honest(), "approved_by": "alice"},
            {**honest(), "approvals": None, "approved_by": None},
            {**honest(), "reported": {"source_balance": "-5", "block": "\x1b"}},
            {**honest(), "reasons": ["x"], "vetoes": "x"},
        ],
    )
    def test_nonsense_ends_in_one_line(self, told: Callable[..., Any], lie: object) -> None:
        """Whatever an answer is, the end is one clear line, no traceback, and nothing signed."""
        code, _, err, asked = told(lie)
        assert code in (1, 65)
        assert 1 == err.count("\n")
        assert "mistake inside" not in err
        assert all(method == "GET" for method, _, _ in asked) or code == 1

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            (b"", 69),
            (b"SSH-2.0-OpenSSH\r\n", 69),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}", 69),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\xff\xfe\xfd", 65),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", 65),
            (b"HTTP/1.1 500 X\r\ncontent-length: 2\r\n\r\n{}", 70),
            (b"HTTP/1.1 503 X\r\ncontent-length: 2\r\n\r\n{}", 69),
            (b'HTTP/1.1 403 X\r\ncontent-length: 12\r\n\r\n{"error":"x"}', 69),
        ],
    )
    def test_broken_answers_have_their_exit_code(
        self, told: Callable[..., Any], raw: bytes, expected: int
    ) -> None:
        """An answer that is cut off or no HTTP is "unavailable", one that is no JSON bad data."""
        code, _, err, _ = told(None, raw)
        assert expected == code
        assert 1 == err.count("\n")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(sorted(honest())),
        st.none() | st.integers() | st.text(max_size=10) | st.lists(st.text(max_size=3)),
        max_size=4,
    )
)
def test_reading_never_fails_in_another_way(lies: dict[str, object]) -> None:
    """However many fields are nonsense, reading gives a verdict or one clear error."""
    assert isinstance(problems_of({**honest(), **lies}), tuple)
