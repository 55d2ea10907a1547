// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Never deployed: sent as the data of an `eth_call` without a receiver, its constructor looks
/// around and returns what it saw in place of code. So nobody has to install anything on a chain.
///
/// Reply, in words of 32 bytes: the number of cells; one bit per cell that says "known", 256 to a
/// word, lowest first; then the cells, wallet by wallet, asset by asset. What is not known is zero
/// here and must be read as unknown. The zero address as asset means the native coin.
///
/// A reply counts as code: at most 24,576 bytes, and it must not begin with the byte 0xEF. The
/// count comes first, so it never does.
contract BalanceReader {
    /// No honest token needs more to tell a balance; a dishonest one shall not eat the whole call.
    uint256 private constant GAS_PER_CELL = 100_000;
    bytes4 private constant BALANCE_OF = 0x70a08231;

    constructor(address[] memory wallets, address[] memory assets) {
        uint256 count = wallets.length * assets.length;
        uint256 first = 1 + (count + 255) / 256;
        uint256[] memory reply = new uint256[](first + count);
        reply[0] = count;
        uint256 cell = 0;
        for (uint256 i = 0; i < wallets.length; i++) {
            for (uint256 j = 0; j < assets.length; j++) {
                (bool known, uint256 amount) = _balance(wallets[i], assets[j]);
                if (known) {
                    reply[1 + cell / 256] |= 1 << (cell % 256);
                    reply[first + cell] = amount;
                }
                cell++;
            }
        }
        assembly {
            return(add(reply, 32), mul(mload(reply), 32))
        }
    }

    function _balance(address wallet, address asset) private view returns (bool, uint256) {
        if (asset == address(0)) return (true, wallet.balance);
        bytes4 question = BALANCE_OF;
        bool known;
        uint256 amount;
        assembly {
            mstore(0, question)
            mstore(4, wallet)
            known := staticcall(GAS_PER_CELL, asset, 0, 36, 0, 32)
            known := and(known, eq(returndatasize(), 32))
            amount := mload(0)
        }
        return (known, amount);
    }
}
