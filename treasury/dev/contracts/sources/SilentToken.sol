// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BaseToken} from "./BaseToken.sol";

/// Moves money and returns nothing at all, as some of the largest stablecoins do.
contract SilentToken is BaseToken {
    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        BaseToken(name_, symbol_, decimals_)
    {}

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        _spend(from, amount);
        _move(from, to, amount);
    }

    function approve(address spender, uint256 amount) external {
        _allow(spender, amount);
    }
}
