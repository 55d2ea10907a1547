"""The one place where programs of this project look into the environment.

`TREASURY_API` names a socket of the daemon, or the folder with one socket per role;
`TREASURY_SIGNER` names the signer's socket for people; `TREASURY_LAW` names a law file that
`treasuryctl` compares with what the daemon says; `NO_COLOR` turns colours off. systemd hands
sockets over by `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

API_DIRECTORY = Path("/run/treasury/api")
PEOPLE_SOCKET = Path("/run/treasury-signer/people.sock")
_FIRST_INHERITED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What `treasuryctl` takes from its environment."""

    api: Path
    signer: Path
    law: Path | None
    is_plain: bool


def read_environment(variables: Mapping[str, str] | None = None) -> Environment:
    """Return the environment's settings, with the places of an installed system as defaults."""
    found = os.environ if variables is None else variables
    law = found.get("TREASURY_LAW")
    return Environment(
        api=Path(found.get("TREASURY_API") or API_DIRECTORY),
        signer=Path(found.get("TREASURY_SIGNER") or PEOPLE_SOCKET),
        law=Path(law) if law else None,
        is_plain=bool(found.get("NO_COLOR")),
    )


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
