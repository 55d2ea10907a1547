// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BaseToken} from "./BaseToken.sol";

/// A token as the standard asks for it: answers true, or reverts.
contract MintableToken is BaseToken {
    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        BaseToken(name_, symbol_, decimals_)
    {}

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _spend(from, amount);
        _move(from, to, amount);
        return true;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        _allow(spender, amount);
        return true;
    }
}
