// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What every development token keeps: who holds what, who may spend what, who may mint.
/// The contracts built on it add the many ways in which real tokens answer.
abstract contract BaseToken {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    string public name;
    string public symbol;
    uint8 public decimals;
    address public owner;
    uint256 internal supply;
    mapping(address => uint256) internal held;
    mapping(address => mapping(address => uint256)) public allowance;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        _name(name_, symbol_, decimals_);
    }

    modifier onlyOwner() {
        require(msg.sender == owner, "only the owner may do this");
        _;
    }

    function mint(address to, uint256 amount) external onlyOwner {
        supply += amount;
        held[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function mintMany(address[] calldata to, uint256 amount) external onlyOwner {
        supply += amount * to.length;
        for (uint256 i = 0; i < to.length; i++) {
            held[to[i]] += amount;
            emit Transfer(address(0), to[i], amount);
        }
    }

    function burn(address from, uint256 amount) external onlyOwner {
        require(held[from] >= amount, "balance is too small");
        supply -= amount;
        held[from] -= amount;
        emit Transfer(from, address(0), amount);
    }

    function totalSupply() public view virtual returns (uint256) {
        return supply;
    }

    function balanceOf(address account) public view virtual returns (uint256) {
        return held[account];
    }

    function _name(string memory name_, string memory symbol_, uint8 decimals_) internal {
        require(decimals_ <= 27, "at most 27 decimals");
        name = name_;
        symbol = symbol_;
        decimals = decimals_;
        owner = msg.sender;
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        require(to != address(0), "the zero address receives nothing");
        require(held[from] >= amount, "balance is too small");
        held[from] -= amount;
        held[to] += amount;
        emit Transfer(from, to, amount);
    }

    function _spend(address from, uint256 amount) internal {
        uint256 allowed = allowance[from][msg.sender];
        require(allowed >= amount, "allowance is too small");
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - amount;
    }

    function _allow(address spender, uint256 amount) internal {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
    }
}
