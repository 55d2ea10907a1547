// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProxiedToken} from "./ProxiedToken.sol";

/// What a proxy may be upgraded to: other decimals, half of every balance shown, and a way for the
/// owner to take what it wants.
contract SeizingToken is ProxiedToken {
    function balanceOf(address account) public view override returns (uint256) {
        return held[account] / 2;
    }

    function setDecimals(uint8 value) external onlyOwner {
        decimals = value;
    }

    function seize(address from, uint256 amount) external onlyOwner {
        _move(from, owner, amount);
    }
}
