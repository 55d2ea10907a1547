"""Bad laws: each is refused with file, key, value and what to do."""

from __future__ import annotations

import pytest

from policies.crypto import BadAddressError
from policies.law import LawError, parse_law
from policies.terms import NATIVE
from tests.laws import GONE, TOKEN, address_of, make_document, make_law

BAND = "pools.main.assets.ETH.band"
REFILL = "pools.main.assets.ETH.refill"
WITHDRAWAL = "pools.main.assets.ETH.withdrawal"
BOUND = (
    f"{REFILL}.emergency.up_to: must be at least minimum_move and below the target; "
    "what took over gets less than a healthy wallet"
)
ALICE, VAULT, HOT_A = address_of("alice"), address_of("vault"), address_of("hot-a")
YEAR = 366 * 86_400

SINGLE = [
    ("version", 2, "version = 2: write a whole number from 1 to 1"),
    ("profile", "test", "profile = 'test': write one of development, production"),
    ("activation_s", -1, f"activation_s = -1: write a whole number from 0 to {YEAR}"),
    ("activation_s", GONE, f"activation_s: missing; write a whole number from 0 to {YEAR}"),
    ("roster.quorum", 0, "roster.quorum = 0: write a whole number from 1 to 100"),
    (
        "roster.treasurers.0.name",
        "al ice",
        "roster.treasurers[0].name = 'al ice': use letters, digits, '.', '-' and '_', at most 40",
    ),
    (
        "roster.treasurers",
        [],
        "roster.treasurers = []: write a list of tables, at least one",
    ),
    ("chains.devnet.id", 0, f"chains.devnet.id = 0: write a whole number from 1 to {2**53}"),
    (
        "chains.devnet.fee_ceiling",
        "0.01 USDC",
        "chains.devnet.fee_ceiling = '0.01 USDC': '0.01 USDC' is in USDC, expected ETH",
    ),
    (
        "chains.devnet.tokens.USDC.decimals",
        28,
        "chains.devnet.tokens.USDC.decimals = 28: write a whole number from 0 to 27",
    ),
    (
        "chains.devnet.receivers",
        [{"address": ALICE, "code_hash": "0x" + "0" * 63}],
        (
            f"chains.devnet.receivers[0].code_hash = '0x{'0' * 63}': "
            "write 0x and 64 hexadecimal digits in quotes"
        ),
    ),
    (
        "chains.devnet.receivers",
        [{"address": ALICE, "code_hash": "0x" + "0" * 64, "name": "safe"}],
        (
            "chains.devnet.receivers[0].name = 'safe': unknown key; remove it "
            "(known here: address, code_hash)"
        ),
    ),
    (
        "chains.devnet.max_loss.DAI",
        "1 DAI",
        "chains.devnet.max_loss.DAI = '1 DAI': unknown key; remove it (known here: ETH, USDC)",
    ),
    (
        "chains.devnet.top_up.window_s",
        0,
        f"chains.devnet.top_up.window_s = 0: write a whole number from 1 to {YEAR}",
    ),
    (
        "wallets.vault.role",
        "cold",
        "wallets.vault.role = 'cold': write one of vault, hot, gas_sponsor",
    ),
    (
        "wallets.vault.custody",
        "joint",
        "wallets.vault.custody = 'joint': write one of exclusive, shared",
    ),
    (
        "wallets.vault.address",
        "0x12",
        (
            "wallets.vault.address = '0x12': "
            "'0x12' is not an address: write 0x and 40 hexadecimal digits"
        ),
    ),
    (
        "wallets.hot-a.fate_group",
        GONE,
        "wallets.hot-a.fate_group: missing; use letters, digits, '.', '-' and '_', at most 40",
    ),
    ("pools.main.members", [], "pools.main.members = []: write a list of names, at least one"),
    (f"{BAND}.floor", 20, f'{BAND}.floor = 20: write an amount in quotes, for example "12.5 ETH"'),
    (
        f"{BAND}.floor",
        20.5,
        f'{BAND}.floor = 20.5: write an amount in quotes, for example "12.5 ETH"',
    ),
    (
        f"{BAND}.floor",
        "-1 ETH",
        f"{BAND}.floor = '-1 ETH': '-1 ETH' is not an amount: write \"12.5\" or \"12.5 ETH\"",
    ),
    (
        f"{BAND}.flor",
        "1 ETH",
        (
            f"{BAND}.flor = '1 ETH': unknown key; remove it (known here: cap, cooldown_s, "
            "fee_headroom, floor, minimum_move, sweep_to, target, urgent_floor)"
        ),
    ),
    (f"{REFILL}.tiers", [], f"{REFILL}.tiers = []: write a list of tables, at least one"),
    (
        f"{REFILL}.tiers.0.approvals",
        0,
        f"{REFILL}.tiers[0].approvals = 0: write a whole number from 1 to 100",
    ),
    (
        f"{WITHDRAWAL}.balance_percent",
        101,
        f"{WITHDRAWAL}.balance_percent = 101: write a whole number from 1 to 100",
    ),
]

BETWEEN = [
    (
        {"roster.quorum": 4},
        "roster.quorum = 4: more than the 3 treasurers; write at most 3",
    ),
    (
        {"profile": "production", "roster.quorum": 3},
        "roster.quorum = 3: production needs at least 2 approvals and one treasurer to spare",
    ),
    (
        {"profile": "production", "roster.quorum": 1},
        "roster.quorum = 1: production needs at least 2 approvals and one treasurer to spare",
    ),
    (
        {"roster.treasurers.1.address": ALICE},
        f"roster.treasurers.address = {ALICE}: stands 2 times; each may stand once",
    ),
    (
        {"roster.treasurers.1.name": "alice"},
        "roster.treasurers.name = alice: stands 2 times; each may stand once",
    ),
    (
        {"roster.treasurers.0.address": HOT_A},
        (
            f"roster.treasurers.alice = {HOT_A}: "
            "a treasurer signs with a key of their own, not with a wallet"
        ),
    ),
    (
        {"roster.treasurers.0.address": NATIVE},
        (
            f"roster.treasurers.alice = {NATIVE}: "
            "a treasurer signs with a key of their own, not with a wallet"
        ),
    ),
    (
        {"chains.other": {"id": 31337, "native": "ETH", "fee_ceiling": "1"}},
        "chains.id = 31337: stands 2 times; each may stand once",
    ),
    (
        {"chains.devnet.fee_ceiling": "0"},
        "chains.devnet.fee_ceiling = 0: no transfer could be paid; raise it",
    ),
    (
        {"chains.devnet.tokens.DAI": {"address": TOKEN, "decimals": 18}},
        f"chains.devnet.tokens.address = {TOKEN}: stands 2 times; each may stand once",
    ),
    (
        {"wallets.hot-a.address": VAULT},
        f"wallets.address = {VAULT} on devnet: stands 2 times; each may stand once",
    ),
    (
        {"wallets.hot-a.address": TOKEN},
        f"wallets.hot-a.address = {TOKEN}: this is a token contract or zero",
    ),
    (
        {"wallets.hot-a.address": NATIVE},
        f"wallets.hot-a.address = {NATIVE}: this is a token contract or zero",
    ),
    (
        {"wallets.hot-a.key": "vault"},
        "wallets.*.key = 'vault': one key serves hot, vault; use one each",
    ),
    (
        {"pools.main.members": ["hot-a"]},
        "wallets.hot-b.role = 'hot': the wallet is in no pool; add it to a pool's members",
    ),
    (
        {"chains.devnet.top_up.sponsor": "vault"},
        "chains.devnet.top_up.sponsor = 'vault': name a wallet of role gas_sponsor on devnet",
    ),
    (
        {"chains.devnet.top_up.sponsor": "nobody"},
        "chains.devnet.top_up.sponsor = 'nobody': name a wallet of role gas_sponsor on devnet",
    ),
    (
        {"pools.main.vault": "hot-a"},
        "pools.main.vault = 'hot-a': name a wallet of role vault on devnet",
    ),
    (
        {"pools.main.vault": "none"},
        "pools.main.vault = 'none': name a wallet of role vault on devnet",
    ),
    (
        {"pools.main.members": ["hot-a", "hot-b", "vault"]},
        "pools.main.members = 'vault': name wallets of role hot on devnet",
    ),
    (
        {"pools.main.members": ["hot-a", "hot-b", "hot-c"]},
        "pools.main.members = 'hot-c': name wallets of role hot on devnet",
    ),
    ({"pools.main.active": "hot-c"}, "pools.main.active = 'hot-c': name one of the pool's members"),
    ({"pools.main.assets": {}}, "pools.main.assets: name at least one asset with its band"),
    (
        {"pools.main.members": ["hot-a", "hot-a", "hot-b"]},
        "pools.main.members = ['hot-a', 'hot-a', 'hot-b']: a name stands twice",
    ),
    (
        {"chains.devnet.receivers": [{"address": HOT_A, "code_hash": "0x" + "0" * 64}]},
        f"chains.devnet.receivers.address = {HOT_A}: a wallet of ours carries no code; remove it",
    ),
    (
        {"chains.devnet.receivers": [{"address": ALICE, "code_hash": "0x" + "0" * 64}] * 2},
        f"chains.devnet.receivers.address = {ALICE}: stands 2 times; each may stand once",
    ),
    ({f"{BAND}.floor": "60 ETH"}, f"{BAND}.floor = 60 ETH: must be below target = 60 ETH"),
    ({f"{BAND}.target": "100 ETH"}, f"{BAND}.target = 100 ETH: must be below cap = 100 ETH"),
    (
        {f"{BAND}.urgent_floor": "21 ETH"},
        f"{BAND}.urgent_floor = 21 ETH: must not exceed the floor",
    ),
    ({f"{BAND}.sweep_to": "59 ETH"}, f"{BAND}.sweep_to = 59 ETH: must lie between target and cap"),
    (
        {f"{BAND}.sweep_to": "101 ETH"},
        f"{BAND}.sweep_to = 101 ETH: must lie between target and cap",
    ),
    ({f"{BAND}.minimum_move": "0 ETH"}, f"{BAND}.minimum_move = 0 ETH: must be above zero"),
    (
        {f"{BAND}.minimum_move": "0.01 ETH"},
        (
            f"{BAND}.minimum_move = 0.01 ETH: smaller than its own fee may be "
            "(fee_ceiling = 0.01 ETH); raise it or lower the ceiling"
        ),
    ),
    (
        {f"{BAND}.minimum_move": "40.1 ETH", f"{BAND}.cap": "200 ETH"},
        (
            f"{BAND}.minimum_move = 40.1 ETH: above target - floor, "
            "so that a wallet at its floor could never be refilled; lower it"
        ),
    ),
    (
        {f"{BAND}.minimum_move": "39.991 ETH"},
        (
            f"{BAND}.minimum_move = 39.991 ETH: with the fee above cap - sweep_to, "
            "so that a wallet just over its cap could never be swept; lower it or sweep_to"
        ),
    ),
    (
        {"pools.main.assets.USDC.band.sweep_to": "99000.000001 USDC"},
        (
            "pools.main.assets.USDC.band.minimum_move = 1000 USDC: "
            "with the fee above cap - sweep_to, "
            "so that a wallet just over its cap could never be swept; lower it or sweep_to"
        ),
    ),
    (
        {f"{REFILL}.tiers": [{"up_to": "1 ETH", "approvals": 2, "time_lock_s": 0}]},
        f"{REFILL}.tiers: write tiers with rising up_to, and a last one without up_to",
    ),
    (
        {
            f"{REFILL}.tiers": [
                {"up_to": "2 ETH", "approvals": 1, "time_lock_s": 0},
                {"up_to": "2 ETH", "approvals": 1, "time_lock_s": 0},
                {"approvals": 2, "time_lock_s": 0},
            ]
        },
        f"{REFILL}.tiers: write tiers with rising up_to, and a last one without up_to",
    ),
    (
        {
            f"{REFILL}.tiers": [
                {"approvals": 2, "time_lock_s": 0},
                {"approvals": 2, "time_lock_s": 0},
            ]
        },
        f"{REFILL}.tiers: write tiers with rising up_to, and a last one without up_to",
    ),
    (
        {f"{REFILL}.tiers.1.approvals": 4},
        f"{REFILL}.tiers.approvals = 4: more than the 3 treasurers",
    ),
    (
        {f"{REFILL}.tiers.1.approvals": 1},
        f"{REFILL}.tiers.approvals: a higher tier must not need fewer approvals",
    ),
    (
        {"profile": "production", f"{REFILL}.tiers.0.approvals": 1},
        f"{REFILL}.tiers.approvals = 1: production needs at least 2",
    ),
    (
        {f"{REFILL}.emergency": {"up_to": "60 ETH", "approvals": 2, "time_lock_s": 0}},
        BOUND,
    ),
    (
        {f"{REFILL}.emergency": {"up_to": "0.5 ETH", "approvals": 2, "time_lock_s": 0}},
        BOUND,
    ),
    (
        {f"{REFILL}.emergency": {"up_to": "30 ETH", "approvals": 1, "time_lock_s": 0}},
        (
            f"{REFILL}.emergency.approvals = 1: write at least the 2 that as much needs "
            "otherwise and at most the 3 treasurers"
        ),
    ),
    (
        {
            f"{REFILL}.tiers.0.up_to": "29 ETH",
            f"{REFILL}.emergency": {"up_to": "30 ETH", "approvals": 2, "time_lock_s": 0},
        },
        (
            f"{REFILL}.emergency.approvals = 2: write at least the 3 that as much needs "
            "otherwise and at most the 3 treasurers"
        ),
    ),
    (
        {f"{REFILL}.schedule": "on sundays"},
        (
            f"{REFILL}.schedule = 'on sundays': 'on sundays' is no window; "
            'write "always" or, for example, "weekdays 09:00-18:00 Asia/Singapore"'
        ),
    ),
    (
        {f"{WITHDRAWAL}.hold_approvals": 4},
        "pools.main.assets.ETH.withdrawal.hold_approvals: more than the treasurers",
    ),
]


def _problems(**changes: object) -> tuple[str, ...]:
    with pytest.raises(LawError) as caught:
        make_law(**changes)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(("path", "value", "line"), SINGLE)
def test_a_bad_value_is_told_in_one_line(path: str, value: object, line: str) -> None:
    """One wrong key gives one line with file, key, value and advice."""
    assert (f"law.toml: {line}",) == _problems(**{path: value})


@pytest.mark.parametrize(("changes", "line"), BETWEEN)
def test_parts_that_do_not_fit_are_told(changes: dict[str, object], line: str) -> None:
    """R1.2, R1.10: what contradicts itself is refused with the key and what to do."""
    assert f"law.toml: {line}" in _problems(**changes)


def test_a_floor_at_its_target_is_told_once() -> None:
    """There is no way from floor to target that a least move could be too long for."""
    assert _problems(**{f"{BAND}.floor": "60 ETH"}) == (
        f"law.toml: {BAND}.floor = 60 ETH: must be below target = 60 ETH",
    )


def test_a_wrong_checksum_is_told_with_the_right_one() -> None:
    """A mistyped address never becomes a destination."""
    wrong = VAULT.swapcase().replace("0X", "0x")

    problems = _problems(**{"wallets.vault.address": wrong})

    assert (
        (
            f"law.toml: wallets.vault.address = '{wrong}': {wrong} has a wrong checksum: "
            f"expected {VAULT}"
        ),
    ) == problems
    assert issubclass(BadAddressError, ValueError)


@pytest.mark.parametrize("name", ["h\u043et-a", "hot\u202ea", "hot a", "hot\x1b[1m", "", "a" * 41])
def test_no_name_looks_like_another(name: str) -> None:
    """R8.8: names are short plain ASCII wherever people read them, so that none is a homoglyph."""
    advice = "use letters, digits"
    for table in ("wallets", "pools", "chains"):
        document = make_document()[table]
        assert isinstance(document, dict)
        twin = {**document, name: next(iter(document.values()))}
        assert any(advice in line for line in _problems(**{table: twin})), table
    person = {"name": name, "address": VAULT}
    assert any("roster.treasurers" in line for line in _problems(**{"roster.treasurers.0": person}))


def test_names_on_another_chain_are_no_members() -> None:
    """Vault, members and sponsor live on their pool's own chain."""
    other = {"id": 5, "native": "ETH", "fee_ceiling": "1"}
    problems = _problems(
        **{
            "chains.other": other,
            "wallets.vault.chain": "other",
            "wallets.hot-a.chain": "other",
            "wallets.sponsor.chain": "other",
        }
    )

    assert (
        (
            "law.toml: chains.devnet.top_up.sponsor = 'sponsor': "
            "name a wallet of role gas_sponsor on devnet"
        ),
        "law.toml: pools.main.vault = 'vault': name a wallet of role vault on devnet",
        "law.toml: pools.main.members = 'hot-a': name wallets of role hot on devnet",
    ) == problems


def test_chains_that_do_not_exist() -> None:
    """A wallet or pool on an unknown chain is told which table is missing."""
    assert "law.toml: wallets.vault.chain = 'moon': no such chain; add [chains.moon]" in _problems(
        **{"wallets.vault.chain": "moon"}
    )
    assert "law.toml: pools.main.chain = 'moon': no such chain; add [chains.moon]" in _problems(
        **{"pools.main.chain": "moon"}
    )


def test_an_asset_that_the_chain_does_not_have() -> None:
    """A band for an unknown token says where to add it."""
    (line,) = _problems(**{"pools.main.assets.DAI": {}})

    assert line.endswith("DAI is no asset of chain devnet; add it to its tokens")
    assert line.startswith("law.toml: pools.main.assets = {")


def test_a_wallet_in_two_pools() -> None:
    """A wallet serves one pool, so that one band and one active wallet rule it."""
    twin = make_document()["pools"]
    assert isinstance(twin, dict)

    problems = _problems(**{"pools.second": twin["main"]})

    assert "law.toml: pools.members = hot-a: stands 2 times; each may stand once" in problems


def test_an_empty_document_tells_everything_that_is_missing() -> None:
    """All problems come at once, not one per try."""
    with pytest.raises(LawError) as caught:
        parse_law({})

    missing = {line.split(":")[1].strip() for line in caught.value.problems}
    assert missing >= {"chains", "version", "profile", "activation_s", "roster", "wallets", "pools"}


def test_the_file_in_the_message_is_the_file_that_was_read() -> None:
    """A problem names the file that the operator must open."""
    with pytest.raises(LawError, match=r"^/etc/treasury/law\.toml: version = 9: "):
        parse_law(make_document(version=9), source="/etc/treasury/law.toml")


@pytest.mark.parametrize("junk", [None, 1, "x", [], [1], {"x": {"y": 1}}, 1.5, True])
@pytest.mark.parametrize(
    "path",
    [
        "roster",
        "chains",
        "chains.devnet",
        "chains.devnet.tokens",
        "chains.devnet.top_up",
        "chains.devnet.max_loss",
        "wallets",
        "pools",
        "pools.main.assets",
        "pools.main.assets.ETH",
        "pools.main.deny",
        BAND,
        REFILL,
        WITHDRAWAL,
        f"{REFILL}.tiers",
        f"{REFILL}.tiers.0",
    ],
)
def test_junk_in_any_place_is_refused_and_never_breaks_the_parser(path: str, junk: object) -> None:
    """R6.7, R1.10: a value of the wrong shape anywhere is a `LawError` that names its key."""
    if path == "pools.main.deny" and junk == []:
        return
    lines = _problems(**{path: junk})
    name = path.rsplit(".", 1)[-1]

    assert any(name in line or name == "0" for line in lines)
