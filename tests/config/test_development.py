"""What development takes from the environment."""

from __future__ import annotations

import pytest

from config.development import development_chain
from config.errors import ConfigError


def test_the_development_chain_is_one_of_two_or_nobodys_wish() -> None:
    """A misspelt name is an error, because a silent default would test the wrong node."""
    assert [development_chain({"TREASURY_CHAIN": name}) for name in ("", "anvil")] == ["", "anvil"]
    assert development_chain({}) == ""
    with pytest.raises(ConfigError, match="eth-tester or anvil"):
        development_chain({"TREASURY_CHAIN": "Anvil"})
