// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

interface Receiver {
    function tokensReceived(address from, uint256 amount) external;
}

/// Tells every receiver that has code, and lets it stop the transfer.
contract HookedToken is MintableToken {
    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        MintableToken(name_, symbol_, decimals_)
    {}

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        if (to.code.length > 0) Receiver(to).tokensReceived(from, amount);
    }
}
