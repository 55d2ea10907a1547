// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A token whose code can be changed: everything goes to the implementation, whose address stands
/// in the storage slot of EIP-1967, where watchers look for it.
contract TokenProxy {
    event Upgraded(address indexed implementation);

    bytes32 private constant IMPLEMENTATION =
        0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    bytes32 private constant ADMIN =
        0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103;

    constructor(address implementation, bytes memory initialisation) {
        _store(ADMIN, msg.sender);
        _upgrade(implementation);
        (bool ok,) = implementation.delegatecall(initialisation);
        require(ok, "the implementation refused its first call");
    }

    function upgradeTo(address implementation) external {
        require(msg.sender == _load(ADMIN), "only the admin may do this");
        _upgrade(implementation);
    }

    fallback() external payable {
        address implementation = _load(IMPLEMENTATION);
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), implementation, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(ok) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    receive() external payable {}

    function _upgrade(address implementation) private {
        require(implementation.code.length > 0, "there is no code at this address");
        _store(IMPLEMENTATION, implementation);
        emit Upgraded(implementation);
    }

    function _load(bytes32 slot) private view returns (address found) {
        assembly {
            found := sload(slot)
        }
    }

    function _store(bytes32 slot, address value) private {
        assembly {
            sstore(slot, value)
        }
    }
}
