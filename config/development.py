"""What development takes from the environment: `TREASURY_CHAIN`, the node to run on.

Apart from `environment.py`, because installed programs never ask for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from config.errors import ConfigError

DEVELOPMENT_CHAINS = ("eth-tester", "anvil")


def development_chain(variables: Mapping[str, str] | None = None) -> str:
    """Return the node that `TREASURY_CHAIN` asks for, or nothing when it asks for none.

    Raises `ConfigError` for a name that is neither of the two.
    """
    found = (os.environ if variables is None else variables).get("TREASURY_CHAIN", "")
    if found and found not in DEVELOPMENT_CHAINS:
        names = " or ".join(DEVELOPMENT_CHAINS)
        raise ConfigError(f"TREASURY_CHAIN={found}: choose {names}")
    return found
