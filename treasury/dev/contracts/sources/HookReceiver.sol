// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Receives coins and hooked tokens, and misbehaves as it was told: 0 takes, 1 refuses,
/// 2 burns all the gas that it gets.
contract HookReceiver {
    uint8 public mood;
    uint256 public calls;

    function setMood(uint8 value) external {
        mood = value;
    }

    receive() external payable {
        _behave();
    }

    function tokensReceived(address, uint256) external {
        _behave();
    }

    function _behave() private {
        require(mood != 1, "the receiver refuses");
        while (mood == 2) calls++;
        calls++;
    }
}
