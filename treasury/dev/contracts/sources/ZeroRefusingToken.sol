// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// Reverts when asked to move nothing.
contract ZeroRefusingToken is MintableToken {
    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        MintableToken(name_, symbol_, decimals_)
    {}

    function _move(address from, address to, uint256 amount) internal override {
        require(amount > 0, "nothing cannot be moved");
        super._move(from, to, amount);
    }
}
