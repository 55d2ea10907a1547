"""The story teller's desk: the commands that people type, the chain, and a stop-watch."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import coincurve

from config.settings import Finality, FinalityKind
from policies.amounts import format_amount
from policies.crypto import keccak256
from policies.terms import NATIVE, Address
from treasury.chain.node import connect_node
from treasury.chain.port import ReadRequest
from treasury.cli.api import Api
from treasury.dev import payouts
from treasury.dev.customer import deposit
from treasury.dev.stage import Stage, customers
from treasury.dev.treasurers import Person
from treasury.errors import TreasuryError

if TYPE_CHECKING:
    from treasury.dev.children import Child
    from treasury.dev.thief import Thief

Row = dict[str, Any]
_Found = TypeVar("_Found")
_PATIENCE_S = 60.0
_POLL_S = 0.25
_COMMAND_S = 30
_DEPTH = Finality(kind=FinalityKind.DEPTH, depth_blocks=2)


class StoryError(TreasuryError):
    """A step of the story did not happen."""


class Desk:
    """What the story teller can do; every look is a fresh one."""

    def __init__(self, stage: Stage) -> None:
        """Sit down in front of a running treasury."""
        self.stage = stage
        self.number = ""
        self.thief: Thief | None = None
        self._customers: Child | None = None
        self._node = connect_node(
            stage.chain.url,
            chain_id=stage.deployment.chain_id,
            finality=_DEPTH,
            deadline_s=5,
        )

    def leave(self) -> None:
        """Close the connections to the node."""
        self._node.close()
        if self.thief is not None:
            self.thief.leave()

    def nonce(self, name: str) -> int:
        """Return how many transactions of one of our wallets are mined."""
        return self._node.transaction_nonce(self.address(name), self._node.head())

    def say(self, text: str) -> None:
        """Tell one line."""
        print(f"   {text}")

    def ctl(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever JSON the command prints
        """Run treasuryctl and return its JSON. Raises `StoryError` with its words."""
        code, output, words = self._run(*arguments, "--json")
        if code:
            raise StoryError(f"treasuryctl {' '.join(arguments)}: {words or output}")
        return json.loads(output)

    def ask(self, path: str) -> Row:
        """Ask the API itself: a fresh `treasuryctl` for each look would be too slow for a race."""
        return Api(str(self.stage.deployment.sockets / "api")).get(path)

    def wait_for(self, what: str, look: Callable[[], _Found | None]) -> _Found:
        """Look again and again until something is there. Raises `StoryError`."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            time.sleep(_POLL_S)
        raise StoryError(f"{what} did not come within {_PATIENCE_S:.0f} s; {self._troubles()}")

    def address(self, name: str) -> Address:
        """Return the address of one of our wallets."""
        return self.stage.deployment.addresses[name]

    def balance(self, address: Address) -> int:
        """Return the native balance in wei at the chain's head."""
        request = ReadRequest(wallets=(address,), assets=(NATIVE,))
        found = self._node.read_balances(request, self._node.head()).balance(address, NATIVE)
        if found is None:
            raise StoryError(f"the node does not tell the balance of {address}")
        return found

    def eth(self, address: Address) -> str:
        """Return the native balance for people."""
        return format_amount(self.balance(address), "ETH", 18)

    def refill(self, state: str) -> Row | None:
        """Return the newest refill in a state, or the one of the story."""
        rows = self.ctl("refill", "list")
        wanted = [r for r in rows if r["state"] == state and self.number in ("", str(r["id"]))]
        return wanted[0] if wanted else None

    def transfers(self, purpose: str, state: str, *, least: int = 0) -> list[Row]:
        """Return the transfers of a purpose in a state; none while there are fewer than `least`."""
        rows = self.ctl("transfer", "list")
        wanted = [r for r in rows if r["purpose"] == purpose and r["state"] == state]
        return wanted if len(wanted) >= least else []

    def hash_of(self, transfer: Row) -> str:
        """Return the hash of the transaction that was mined for a transfer."""
        attempts = self.ctl("transfer", "show", str(transfer["id"]))["attempts"]
        won = [attempt["hash"] for attempt in attempts if attempt["state"] == "WON"]
        if len(won) != 1:
            raise StoryError(f"transfer {transfer['id']} has {len(won)} mined transactions")
        return str(won[0])

    def last_checkpoint(self) -> Row | None:
        """Return the newest signed head of the journal, as it lies outside the ledger."""
        path = self.stage.deployment.directory / "checkpoints.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return json.loads(lines[-1]) if lines else None

    def _troubles(self) -> str:
        """Return what rings and the daemon's last words: the reason why a step did not come."""
        try:
            rings = json.dumps(self.ask("/v1/alarms")["alarms"], indent=1)
        except TreasuryError as error:
            rings = str(error)
        return f"alarms: {rings}\nthe daemon's last words:\n{self.stage.daemon.last_words()}"

    def is_up(self) -> bool:
        """Say whether the daemon answers."""
        return self._run("status", "--json")[0] == 0

    def approve(self, person: Person) -> None:
        """Approve the story's refill as a treasurer does."""
        self.ctl(
            "refill", "approve", self.number, "--yes", "--keystore", str(person.keystore),
            "--password-file", str(person.password_file),
        )  # fmt: skip

    def approve_as_stranger(self) -> str:
        """Hand in a signature of a key that is in no roster; return the refusal."""
        shown = self.ctl("refill", "show", self.number)
        stranger = coincurve.PrivateKey(keccak256(b"a stranger"))
        digest = bytes.fromhex(shown["order_id"][2:])
        signature = "0x" + stranger.sign_recoverable(digest, hasher=None).hex()
        code, output, words = self._run(
            "refill", "approve", self.number, "--yes", "--signature", signature
        )
        if code == 0:
            raise StoryError("a stranger's approval was taken in")
        return (words or output).strip().splitlines()[-1]

    def pay_in_coins(self, symbol: str, amount: int) -> Address:
        """Ask for a payout of base units of a token to a fresh customer; return who it is."""
        customer = payouts.customers()[0]
        api = Api(str(self.stage.deployment.api_socket("service")))
        payouts.pay(api, f"{symbol}-{customer}", customer, amount, asset=symbol)
        return customer

    def start_customers(self, amount: str) -> None:
        """Let customers come, one every two seconds."""
        self._customers = customers(self.stage.deployment, amount=amount, every_s=2.0)
        self.stage.others.append(self._customers)
        self._customers.start()

    def stop_customers(self) -> None:
        """Let no more customers come."""
        if self._customers is not None:
            self._customers.stop()

    def deposit(self, name: str, amount: int) -> None:
        """Have a customer send native coin to a wallet. Raises `StoryError`."""
        answer = deposit(self._node, self.address(name), amount)
        if not answer.kind.is_with_node:
            raise StoryError(f"the customer's deposit was not taken: {answer.text}")

    def _run(self, *arguments: str) -> tuple[int, str, str]:
        program = Path(sys.executable).parent / "treasuryctl"
        place = str(self.stage.deployment.sockets / "api")
        done = subprocess.run(
            [str(program), "--socket", place, *arguments],
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr
