// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// The code behind a `TokenProxy`: its storage lies in the proxy, so it is named there, once.
contract ProxiedToken is MintableToken {
    constructor() MintableToken("", "", 0) {}

    function initialise(string calldata name_, string calldata symbol_, uint8 decimals_) external {
        require(owner == address(0), "named already");
        _name(name_, symbol_, decimals_);
    }
}
