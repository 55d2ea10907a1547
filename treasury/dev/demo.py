"""The whole story once, without a person: every step is checked, and a step that fails ends it.

What is told comes from the same commands that people type (`treasuryctl … --json`) and from the
chain itself; nothing is told that was not seen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from policies.amounts import format_amount
from treasury.dev.desk import Desk, StoryError
from treasury.dev.stage import Stage
from treasury.dev.theft import contain, refill_successor, steal

_CUSTOMER_PAYOUT = "0.5"
_CUSTOMER_COINS = 250 * 10**6
_DEPOSIT_WEI = 25 * 10**18


def tell_story(stage: Stage) -> int:
    """Tell every chapter; return 0, or 1 when a step did not happen."""
    desk = Desk(stage)
    started = time.monotonic()
    try:
        for number, chapter in enumerate(CHAPTERS, start=1):
            print(f"\n{number}. {chapter.__doc__}")
            chapter(desk)
    except StoryError as error:
        print(f"\nThe story broke off: {error}", file=sys.stderr)
        for child in stage.children:
            print(f"\nLast words of the {child.name}:\n{child.last_words()}", file=sys.stderr)
        return 1
    finally:
        desk.leave()
    print(f"\nAll {len(CHAPTERS)} chapters happened in {time.monotonic() - started:.0f} s.")
    return 0


def _meet(desk: Desk) -> None:
    """Meet the treasury: real keys in SoftHSM tokens, three treasurers, a law by two of them."""
    deployment = desk.stage.deployment
    for name, address in deployment.addresses.items():
        desk.say(f"{name:<6} {address}  {desk.eth(address)}")
    for person in deployment.people:
        desk.say(f"{person.name:<6} {person.address}  treasurer")
    desk.say("hot-a must hold 5 ETH (floor) to 15 ETH (cap); a refill fills it to 10 ETH (target)")


def _drain(desk: Desk) -> None:
    """Pay customers from the hot wallet until it falls below its floor."""
    desk.start_customers(_CUSTOMER_PAYOUT)
    paid = desk.wait_for(
        "three payouts on the chain", lambda: desk.transfers("withdrawal", "CONFIRMED", least=3)
    )
    for row in paid[:3]:
        desk.say(f"paid {row['amount_text']} to {row['destination']}")
        desk.say(f"     transaction {desk.hash_of(row)}")


def _propose(desk: Desk) -> None:
    """Let the daemon see the floor crossed: it proposes a refill and cannot approve it."""
    refill = desk.wait_for("a proposed refill", lambda: desk.refill("PROPOSED"))
    desk.number = str(refill["id"])
    amount, wallet = refill["amount_text"], refill["wallet"]
    desk.say(f"refill {desk.number}: {amount} from the vault to {wallet}, {refill['state']}")
    desk.say(f"hot-a holds {desk.eth(desk.address('hot-a'))}")


def _forge(desk: Desk) -> None:
    """Let a stranger sign the refill with a key of their own: refused, nothing counted."""
    message = desk.approve_as_stranger()
    desk.say(f"refused: {message}")


def _approve(desk: Desk) -> None:
    """Have two of three treasurers read the decoded terms and sign with their own keystores."""
    for person in desk.stage.deployment.people[:2]:
        desk.approve(person)
        desk.say(f"{person.name} signed")


def _kill(desk: Desk) -> None:
    """Kill both processes (SIGKILL) at this worst moment and start them again."""
    for child in (desk.stage.daemon, desk.stage.signer):
        child.kill()
        desk.say(f"killed the {child.name}, process {child.process.pid if child.process else 0}")
    desk.stage.signer.start()
    desk.stage.daemon.start()
    desk.wait_for("the daemon's answer", desk.is_up)
    desk.say("both are up again; nothing was told to them")


def _settle(desk: Desk) -> None:
    """Let the signer check everything again and sign in the token; the refill settles, once."""
    refill = desk.wait_for("the settled refill", lambda: desk.refill("SETTLED"))
    cause = f"refill:{refill['id']}"
    rows = [r for r in desk.transfers("refill", "CONFIRMED") if r["cause"] == cause]
    if len(rows) != 1:
        raise StoryError(f"the refill has {len(rows)} confirmed transfers, expected exactly one")
    desk.say(f"transaction {desk.hash_of(rows[0])}")
    desk.say(f"in block {rows[0]['block_number']}; fee {rows[0]['fee_text']}")
    desk.say(f"vault  {desk.eth(desk.address('vault'))}")
    desk.say(f"hot-a  {desk.eth(desk.address('hot-a'))}")


def _sweep(desk: Desk) -> None:
    """Deposit so much that the hot wallet stands above its cap; the excess goes home by itself."""
    desk.stop_customers()
    desk.deposit("hot-a", _DEPOSIT_WEI)
    desk.say(f"deposited {format_amount(_DEPOSIT_WEI, 'ETH', 18)} into hot-a")
    rows = desk.wait_for("the sweep", lambda: desk.transfers("sweep", "CONFIRMED", least=1))
    desk.say(f"swept {rows[0]['amount_text']} to the vault {rows[0]['destination']}")
    desk.say(f"transaction {desk.hash_of(rows[0])}")


def _pay_in_tokens(desk: Desk) -> None:
    """Pay a customer in USDC, an ERC-20 token; what both balances did is what was paid."""
    customer = desk.pay_in_coins("USDC", _CUSTOMER_COINS)
    found = desk.wait_for(
        "the payment in USDC",
        lambda: [r for r in desk.transfers("withdrawal", "CONFIRMED") if r["asset"] == "USDC"],
    )
    desk.say(f"paid {found[0]['amount_text']} to {customer}")
    desk.say(f"transaction {desk.hash_of(found[0])}; fee {found[0]['fee_text']}")
    balance = desk.balance(desk.address("hot-a"))
    if not 5 * 10**18 <= balance <= 15 * 10**18:
        raise StoryError(f"hot-a holds {format_amount(balance, 'ETH', 18)}, outside its band")
    desk.say(f"hot-a holds {desk.eth(desk.address('hot-a'))}, inside its band")


def _verify(desk: Desk) -> None:
    """Answer the auditor: the journal holds, its head is signed, everything is handed out."""
    result = desk.ctl("journal", "verify")
    if not result.get("ok"):
        raise StoryError(f"the journal does not verify: {result}")
    desk.say(f"{result['entries']} entries, head {result['head']}")
    signed = desk.wait_for("a signed head", desk.last_checkpoint)
    desk.say(
        f"entry {signed['seq']} is signed with the checkpoint key {signed['public_key'][:18]}…"
    )
    folder = desk.stage.deployment.directory / "handed-out"
    made = desk.ctl("evidence", "export", "--out", str(folder))
    if made["unsigned"]:
        raise StoryError(f"the evidence file is not signed: {made['unsigned']}")
    desk.say(f"everything of today, to be checked offline: {made['file']}")


Chapter = Callable[[Desk], None]
CHAPTERS: tuple[Chapter, ...] = (
    _meet,
    _drain,
    _propose,
    _forge,
    _approve,
    _kill,
    _settle,
    _sweep,
    _pay_in_tokens,
    steal,
    contain,
    refill_successor,
    _verify,
)
