// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// Balances are shares times an index: they change for everybody at once, without a transfer and
/// without a log, and a transfer may move a unit less than it says.
contract RebasingToken is MintableToken {
    uint256 private constant ONE = 1e18;
    uint256 public index = ONE;

    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        MintableToken(name_, symbol_, decimals_)
    {}

    function rebase(uint256 newIndex) external onlyOwner {
        require(newIndex > 0, "an index of zero would take everything");
        index = newIndex;
    }

    function totalSupply() public view override returns (uint256) {
        return (supply * index) / ONE;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return (held[account] * index) / ONE;
    }

    function _move(address from, address to, uint256 amount) internal override {
        uint256 shares = (amount * ONE) / index;
        require(to != address(0), "the zero address receives nothing");
        require(held[from] >= shares, "balance is too small");
        held[from] -= shares;
        held[to] += shares;
        emit Transfer(from, to, amount);
    }
}
