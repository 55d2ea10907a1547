"""Development customers: ask the daemon for small payouts, one Idempotency-Key each, for ever.

A question that got no answer is asked again with the same key, as a payout service should: the
same key is paid once. Refusals are told and not repeated.
"""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Iterator, Sequence

from policies.amounts import parse_amount
from policies.crypto import checksum_address
from policies.terms import Address
from treasury.cli.api import PAY, Api, Json
from treasury.cli.exits import UNAVAILABLE, CommandError

_CUSTOMERS = 12
_RETRY_S = 1.0
_NATIVE_DECIMALS = 18


def pay(api: Api, key: str, destination: Address, amount: int, *, asset: str = "ETH") -> Json:
    """Ask for one payout in base units and return the answer; ask again while there is none.

    Raises `CommandError` when the daemon refuses.
    """
    body = {
        "pool": "payouts",
        "asset": asset,
        "destination": destination,
        "amount": str(amount),
    }
    while True:
        try:
            return api.post("/v1/withdrawals", body, PAY, {"Idempotency-Key": key})
        except CommandError as error:
            if error.code != UNAVAILABLE:
                raise
            time.sleep(_RETRY_S)


def customers() -> tuple[Address, ...]:
    """Draw the addresses of some customers; nobody has their keys."""
    return tuple(checksum_address(secrets.token_bytes(20)) for _ in range(_CUSTOMERS))


def requests(people: Sequence[Address]) -> Iterator[tuple[str, Address]]:
    """Yield a fresh key and a customer, again and again."""
    for number in range(10**9):
        yield f"payout-{secrets.token_hex(4)}-{number}", people[number % len(people)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Pay customers until stopped."""
    parser = argparse.ArgumentParser(prog="python -m treasury.dev.payouts", description=__doc__)
    parser.add_argument("--socket", required=True, help="the API's socket for services")
    parser.add_argument("--amount", default="0.05", help="ETH per payout (%(default)s)")
    parser.add_argument("--every", type=float, default=1.5, help="seconds between payouts")
    chosen = parser.parse_args(arguments)
    amount = parse_amount(chosen.amount, "ETH", _NATIVE_DECIMALS)
    api = Api(chosen.socket)
    for key, customer in requests(customers()):
        try:
            answer = pay(api, key, customer, amount)
            print(f"{key}: {chosen.amount} ETH to {customer}: {answer.get('state')}")
        except CommandError as error:
            print(f"{key}: refused: {error}")
        time.sleep(chosen.every)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
