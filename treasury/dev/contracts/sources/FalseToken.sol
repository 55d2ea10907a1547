// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BaseToken} from "./BaseToken.sol";

/// Never reverts. A transfer that cannot be made answers false and leaves no trace; and when the
/// owner says so, one that was made answers false too.
contract FalseToken is BaseToken {
    bool public isContrary;

    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        BaseToken(name_, symbol_, decimals_)
    {}

    function setContrary(bool value) external onlyOwner {
        isContrary = value;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (to == address(0) || held[msg.sender] < amount) return false;
        _move(msg.sender, to, amount);
        return !isContrary;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        if (to == address(0) || held[from] < amount) return false;
        if (allowance[from][msg.sender] < amount) return false;
        _spend(from, amount);
        _move(from, to, amount);
        return !isContrary;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        _allow(spender, amount);
        return true;
    }
}
