"""What `make run` prints: where things are and what to type next."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from treasury.dev.deployment import Deployment


def print_guide(deployment: Deployment) -> None:
    """Print the next commands, ready to be copied."""
    here = _from_here(deployment.directory)
    ctl = _from_here(Path(sys.executable).parent / "treasuryctl")
    sockets = _from_here(deployment.sockets / "api")
    people = f"{here}/treasurers"
    print(f"""
A treasury is running (play money, development keys). Customers are being paid 0.05 ETH every
2.5 seconds from hot-a; below 5 ETH the daemon proposes a refill from the vault.

In a second terminal, in this folder:

  export TREASURY_API={sockets}
  {ctl} status
  {ctl} refill list

When refill 1 is PROPOSED (after about a minute), two of alice, bob and carol approve it:

  {ctl} refill show 1
  {ctl} refill approve 1 --keystore {people}/alice.json --password-file {people}/password.txt
  {ctl} refill approve 1 --keystore {people}/bob.json --password-file {people}/password.txt
  {ctl} refill show 1          (APPROVED, then RELEASED, then SETTLED)
  {ctl} transfer list
  {ctl} journal verify

Logs: {here}/log. Ctrl-C here ends everything.
""")
    sys.stdout.flush()


def _from_here(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("../..") else relative
