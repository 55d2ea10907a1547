// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// Keeps a part of every transfer for its owner, so less arrives than was sent.
contract FeeToken is MintableToken {
    uint256 public feeBasisPoints;

    constructor(string memory name_, string memory symbol_, uint8 decimals_, uint256 fee)
        MintableToken(name_, symbol_, decimals_)
    {
        feeBasisPoints = fee;
    }

    function setFee(uint256 fee) external onlyOwner {
        require(fee <= 10_000, "at most all of it");
        feeBasisPoints = fee;
    }

    function _move(address from, address to, uint256 amount) internal override {
        uint256 fee = (amount * feeBasisPoints) / 10_000;
        super._move(from, to, amount - fee);
        if (fee > 0) super._move(from, owner, fee);
    }
}
