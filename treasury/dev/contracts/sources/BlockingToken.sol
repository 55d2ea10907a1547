// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// Its owner can stop everybody, or stop one account from sending and receiving.
contract BlockingToken is MintableToken {
    bool public isPaused;
    mapping(address => bool) public isBlocked;

    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        MintableToken(name_, symbol_, decimals_)
    {}

    function setPaused(bool value) external onlyOwner {
        isPaused = value;
    }

    function setBlocked(address account, bool value) external onlyOwner {
        isBlocked[account] = value;
    }

    function _move(address from, address to, uint256 amount) internal override {
        require(!isPaused, "the token is paused");
        require(!isBlocked[from] && !isBlocked[to], "the account is blocked");
        super._move(from, to, amount);
    }
}
