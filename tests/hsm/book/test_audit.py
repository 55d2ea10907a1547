"""A row changed behind the signer's back is found at the next start, whatever row it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.book.audit import audit, check
from hsm.errors import BookError
from hsm.wire.fields import to_hex
from policies.consent import veto_digest
from policies.terms import MotionKind, Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom
from tests.hsm.verbs.test_orders import HIGHER
from tests.laws import address_of, make_law, sign


@pytest.fixture
def lived(tmp_path: Path, clock: FakeClock) -> VaultRoom:
    """A room that has seen one of everything."""
    room = VaultRoom(tmp_path, clock, law=make_law(activation_s=60).law)
    refill = room.order()
    room.lodge(refill, "alice")
    room.sign(refill, "bob")
    room.again("bump", refill, HIGHER)
    vetoed = room.id_of(room.order())
    veto = sign("carol", veto_digest(vetoed, room.book.deployment))
    room.call("veto", {"digest": to_hex(vetoed), "signature": to_hex(veto)})
    room.isolate("hot-a")
    room.call("activate", {"wallet": "hot-b"})
    room.call("freeze", {"why": "a test"})
    room.carry(MotionKind.RESUME, {"why": "well"})
    room.carry(MotionKind.REINSTATE, {"wallet": "hot-a"})
    room.carry(MotionKind.SKIP_NONCE, {"wallet": "hot-b", "nonce": "9"})
    room.isolate("hot-a")
    room.adopt(make_law(activation_s=1).law)
    room.adopt(make_law(activation_s=2).law)
    body = room.sign_body(room.order(Purpose.SWEEP, source=address_of("hot-b")))
    room.call("sign", {**body, "epoch": "3"})
    return room


def test_an_honest_life_passes(lived: VaultRoom) -> None:
    """Laws, marks, motions, consent, orders and attempts replay to what the tables hold."""
    lived.reopen()
    lived.book.verify()
    audit(lived.book)
    lived.close()


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM marks WHERE wallet = 'hot-a'",
        "UPDATE marks SET mark = 'retired'",
        "UPDATE active SET wallet = 'hot-a'",
        "UPDATE laws SET active_from = 0",
        "UPDATE laws SET dropped = 0",
        "DELETE FROM vetoes",
        "UPDATE approvals SET signer = upper(signer)",
        "DELETE FROM motions",
        "UPDATE meta SET value = '0' WHERE name = 'epoch'",
        "UPDATE meta SET value = 'x' WHERE name = 'frozen'",
        "UPDATE tokens SET serial = 'x'",
        "UPDATE orders SET nonce = 77 WHERE purpose = 'refill'",
        "UPDATE orders SET hash = zeroblob(32)",
        "UPDATE orders SET digest = zeroblob(32)",
        "UPDATE further_attempts SET hash = zeroblob(32)",
        "UPDATE further_attempts SET digest = zeroblob(32)",
    ],
)
def test_a_changed_row_is_named(lived: VaultRoom, tampering: str) -> None:
    """Roster, law, marks, consent, nonces: no table can be changed alone (R1.3)."""
    lived.book.connection.execute(tampering)
    lived.reopen()
    lived.book.verify()

    with pytest.raises(BookError, match="somebody changed it"):
        audit(lived.book)
    lived.close()


def test_the_laws_text_is_the_adopted_one(lived: VaultRoom) -> None:
    """A law's text cannot be changed below its digest (R1.3)."""
    lived.book.connection.execute("UPDATE laws SET text = replace(text, '5 ETH', '50 ETH')")
    lived.reopen()

    with pytest.raises(BookError, match="law"):
        audit(lived.book)
    lived.close()


def test_a_damaged_book_is_one_clear_error(lived: VaultRoom) -> None:
    """A lost table, and content that is no JSON, end in the operator's error, not in a crash."""
    check(lived.book)
    lived.book.connection.execute("DROP TABLE marks")

    with pytest.raises(BookError, match="restore a copy"):
        check(lived.book)
    lived.close()
