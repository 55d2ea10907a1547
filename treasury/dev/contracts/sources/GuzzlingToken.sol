// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintableToken} from "./MintableToken.sol";

/// Burns gas before it does its work: a set amount, or everything that it gets.
contract GuzzlingToken is MintableToken {
    uint256 public transferGas;
    uint256 public balanceGas;

    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        MintableToken(name_, symbol_, decimals_)
    {}

    function setThirst(uint256 transferGas_, uint256 balanceGas_) external onlyOwner {
        transferGas = transferGas_;
        balanceGas = balanceGas_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        _burn(balanceGas);
        return super.balanceOf(account);
    }

    function _move(address from, address to, uint256 amount) internal override {
        _burn(transferGas);
        super._move(from, to, amount);
    }

    function _burn(uint256 amount) private view {
        uint256 start = gasleft();
        while (amount > 0 && start - gasleft() < amount) {}
    }
}
