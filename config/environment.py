"""The one place where programs of this project look into the environment.

`TREASURY_API` names a socket of the daemon, or the folder with one socket per role;
`TREASURY_SIGNER` names the signer's socket for people; `TREASURY_LAW` names a law file that
`treasuryctl` compares with what the daemon says; `NO_COLOR` turns colours off.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

API_DIRECTORY = Path("/run/treasury/api")
PEOPLE_SOCKET = Path("/run/treasury-signer/people.sock")


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
