"""Starts a development chain (ours, or an anvil binary) as a child and ends exactly that child."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from treasury.dev.children import die_with_parent
from treasury.dev.node_client import DevelopmentNode

_ROOT = Path(__file__).parents[3]
_LISTENING = b"Listening on "
_READY_S = 30.0
_END_S = 5.0
_WEI = 10**18


class LaunchError(Exception):
    """The chain did not become ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainOptions:
    """How to start a chain.

    `port` zero picks a free one; `block_time_s` zero mines at every transaction; `funds` are whole
    coins by address; `anvil` is the path of that binary, empty for our own.
    """

    port: int = 0
    chain_id: int = 31337
    block_time_s: float = 0.0
    funds: Mapping[str, int] = field(default_factory=dict)
    anvil: str = ""

    def command(self) -> list[str]:
        """Return the command line that starts the chain."""
        shared = ["--port", str(self.port), "--chain-id", str(self.chain_id)]
        timing = ["--block-time", f"{self.block_time_s:g}"] if self.block_time_s else []
        if self.anvil:
            return [self.anvil, "--host", "127.0.0.1", "--accounts", "1", *shared, *timing]
        funds = [part for a, n in self.funds.items() for part in ("--fund", f"{a}={n}")]
        return [sys.executable, "-m", "treasury.dev.chain", *shared, *timing, *funds]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningChain:
    """A chain that answers at `url`, and the process that serves it."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self, *, deadline_s: float = _END_S) -> int:
        """End the process, by force when it does not end itself; return its exit code."""
        return _end(self.process, deadline_s)


def start_chain(options: ChainOptions, *, deadline_s: float = _READY_S) -> RunningChain:
    """Start a chain and wait until it answers; it ends with the thread that started it.

    Raises `LaunchError` and leaves nothing running.
    """
    try:
        # A session of its own: Ctrl-C at the terminal reaches the parent only, which ends it.
        process = subprocess.Popen(
            options.command(),
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, nothing else
        )
    except OSError as error:
        raise LaunchError(f"cannot start {options.command()[0]}: {error}") from error
    try:
        assert process.stdout is not None
        url = _wait_for_url(process.stdout, time.monotonic() + deadline_s)
        if options.anvil:
            _fund(url, options.funds)
    except BaseException:
        _end(process, _END_S)
        if process.stdout is not None:
            process.stdout.close()
        raise
    # anvil tells every request on its standard output, and must not wait for a reader.
    threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
    return RunningChain(url=url, process=process)


@contextlib.contextmanager
def running_chain(options: ChainOptions) -> Iterator[RunningChain]:
    """Run a chain for the length of a `with` block."""
    chain = start_chain(options)
    try:
        yield chain
    finally:
        chain.stop()


def _fund(url: str, funds: Mapping[str, int]) -> None:
    """Give out the coins that anvil cannot be told of on its command line."""
    with contextlib.closing(DevelopmentNode(url)) as node:
        for address, coins in funds.items():
            node.set_balance(address, coins * _WEI)


def _wait_for_url(stdout: IO[bytes], deadline: float) -> str:
    """Return the URL of the first line that names one; both chains print it when they listen."""
    seen = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(stdout.fileno(), 4096)
            if not chunk:
                raise LaunchError("the chain ended before it was ready: see its messages above")
            seen += chunk
            for line in seen.split(b"\n")[:-1]:
                if url := _url_in(line):
                    return url
    raise LaunchError("the chain was not ready in time")


def _drain(stdout: IO[bytes]) -> None:
    with stdout:
        while os.read(stdout.fileno(), 65536):
            pass


def _url_in(line: bytes) -> str:
    if line.startswith(b"http://"):
        return line.decode("ascii").strip()
    if line.startswith(_LISTENING):
        return "http://" + line.removeprefix(_LISTENING).decode("ascii").strip()
    return ""


def _end(process: subprocess.Popen[bytes], deadline_s: float) -> int:
    process.terminate()
    try:
        return process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
