"""`python -m treasury.dev.chain`: run a development chain until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from types import FrameType

from policies.crypto import BadAddressError, address_bytes, parse_address

_WEI = 10**18
_USAGE = 2
_BROKEN = 70


def main(argv: list[str] | None = None) -> int:
    """Serve a chain and print its URL as the first line once it answers."""
    options = _parser().parse_args(argv)
    # The EVM takes half a second to import, so wrong options are told before it.
    from treasury.dev.chain.ledger import DevelopmentChain
    from treasury.dev.chain.server import ChainServer, NotLoopbackError

    chain = DevelopmentChain(
        chain_id=options.chain_id,
        funds=dict(options.fund),
        is_automine=options.automine or not options.block_time,
    )
    try:
        server = ChainServer(
            chain, host=options.host, port=options.port, block_time_s=options.block_time
        )
    except (NotLoopbackError, OSError) as error:
        print(f"cannot serve the development chain: {error}", file=sys.stderr)
        return _USAGE
    _stop_on_signals(server.shutdown)
    print(server.url, flush=True)
    server.serve()
    return _BROKEN if server.has_failed else 0


def _stop_on_signals(shutdown: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT end `serve`; `shutdown` blocks, so it must not run in its thread."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=shutdown, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m treasury.dev.chain", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=8545, help="0 picks a free one")
    parser.add_argument("--chain-id", type=int, default=31337)
    parser.add_argument("--block-time", type=_seconds, default=0.0, metavar="SECONDS")
    parser.add_argument("--automine", action="store_true", help="mine at every transaction too")
    parser.add_argument("--fund", type=_fund, action="append", default=[], metavar="ADDR=ETH")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 3600:  # also refuses NaN
        raise argparse.ArgumentTypeError("must be between 0 and 3600 seconds")
    return value


def _fund(text: str) -> tuple[bytes, int]:
    address, _, amount = text.partition("=")
    try:
        wei = Decimal(amount) * _WEI
        if not wei.is_finite() or wei < 0 or wei != int(wei):
            raise InvalidOperation
        return address_bytes(parse_address(address)), int(wei)
    except (BadAddressError, InvalidOperation) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS=ETH: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
