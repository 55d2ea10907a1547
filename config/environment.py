"""The one place where programs of this project look into the environment.

`TREASURY_API` names a socket of the daemon, or the folder with one socket per role;
`TREASURY_SIGNER` names the signer's socket for people; `TREASURY_LAW` names a law file that
`treasuryctl` compares with what the daemon says; `NO_COLOR` turns colours off. systemd hands
sockets over by `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`. `TREASURY_CHAIN` picks the node of
a development chain.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

API_DIRECTORY = "/run/treasury/api"
PEOPLE_SOCKET = "/run/treasury-signer/people.sock"
DEVELOPMENT_CHAINS = ("eth-tester", "anvil")
"""The nodes that a development chain may be served by; the first one needs nothing installed."""
_FIRST_INHERITED = 3


class Environment:
    """What `treasuryctl` takes from its environment; `law` is empty when none is named.

    Plain texts and no dataclass: this file is read at every start of a program that people wait
    for, and `pathlib` and `dataclasses` would double its cost.
    """

    __slots__ = ("api", "is_plain", "law", "signer")

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Take the variables, with the places of an installed system as defaults."""
        self.api = variables.get("TREASURY_API") or API_DIRECTORY
        self.signer = variables.get("TREASURY_SIGNER") or PEOPLE_SOCKET
        self.law = variables.get("TREASURY_LAW", "")
        self.is_plain = bool(variables.get("NO_COLOR"))


def read_environment(variables: Mapping[str, str] | None = None) -> Environment:
    """Return what the environment says."""
    return Environment(os.environ if variables is None else variables)


def inherited_sockets(
    process_id: int, variables: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Return the sockets that systemd opened for this process: name to file descriptor."""
    found = os.environ if variables is None else variables
    if found.get("LISTEN_PID") != str(process_id) or not found.get("LISTEN_FDS", "").isdigit():
        return {}
    names = found.get("LISTEN_FDNAMES", "").split(":")
    count = min(int(found["LISTEN_FDS"]), len(names))
    return {names[i]: _FIRST_INHERITED + i for i in range(count)}
