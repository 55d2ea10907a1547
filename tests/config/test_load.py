"""The strict reader of treasuryd.toml: every problem in one answer, each with advice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.load import load_law, load_settings, read_document
from config.settings import Anchor, ApiRole, Finality, FinalityKind, LogStyle, Rollup

SMALLEST = """
[daemon]
state_dir = "state"
[signer]
socket = "signer.sock"
[api]
directory = "api"
[chains.devnet]
endpoints = ["http://127.0.0.1:8545"]
finality = "depth:2"
"""


def written(folder: Path, text: str) -> Path:
    """Write a settings file."""
    path = folder / "treasuryd.toml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    """Return the message with which a text is refused."""
    with pytest.raises(ConfigError) as caught:
        load_settings(written(folder, text))
    return str(caught.value)


def test_smallest_file_takes_defaults_and_paths_from_its_own_folder(tmp_path: Path) -> None:
    """Four tables are enough; relative paths start at the file's folder."""
    settings = load_settings(written(tmp_path, SMALLEST))
    assert tmp_path / "state" == settings.daemon.state_dir
    assert f"sqlite:///{tmp_path}/state/ledger.sqlite3" == settings.daemon.database
    assert LogStyle.AUTO is settings.daemon.log
    assert settings.daemon.law is None
    assert tmp_path / "api/operator.sock" == settings.api.sockets[ApiRole.OPERATOR]
    assert Finality(kind=FinalityKind.DEPTH, depth_blocks=2) == settings.chains["devnet"].finality


def test_a_chain_says_how_many_endpoints_must_agree(tmp_path: Path) -> None:
    """The majority by default, more by choice; anchor and rollup are read when they are given."""
    three = SMALLEST.replace('545"]', '545", "ws://b:1/key", "ipc:///run/geth.ipc"]')
    plain = load_settings(written(tmp_path, three)).chains["devnet"]
    more = f'read_quorum = 3\nanchor = "17:0x{"ab" * 32}"\nrollup = "op-stack"\nlag_blocks = 0\n'
    more += "sweep_below_gwei = 40\n"
    strict = load_settings(written(tmp_path, three + more)).chains["devnet"]
    assert (2, 5, None, Rollup.NONE) == (
        plain.quorum,
        plain.lag_blocks,
        plain.anchor,
        plain.rollup,
    )
    assert (3, 0, Rollup.OP_STACK) == (strict.quorum, strict.lag_blocks, strict.rollup)
    assert Anchor(number=17, hash="0x" + "ab" * 32) == strict.anchor
    assert (None, 40) == (plain.sweep_below_gwei, strict.sweep_below_gwei)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("read_quorum = 1", "write a whole number from 2 to 3"),
        ("read_quorum = 4", "write a whole number from 2 to 3"),
        ('anchor = "0xab"', "write number and hash of an old block"),
        (f'anchor = "1:0x{"AB" * 32}"', "write number and hash of an old block"),
        ('rollup = "arbitrum"', "write one of none, op-stack"),
        ("lag_blocks = -1", "write a whole number from 0"),
    ],
)
def test_a_quorum_that_protects_nothing_is_refused(tmp_path: Path, line: str, advice: str) -> None:
    """R4.8: fewer than the majority could let two groups both be right, more could never agree."""
    three = SMALLEST.replace('545"]', '545", "ws://b:1/key", "ipc:///run/geth.ipc"]')
    assert advice in refusal(tmp_path, f"{three}{line}\n")


@pytest.mark.parametrize("url", ["ipc://host/path", "ipc:///", "ipc://", "ws://", "geth.ipc"])
def test_an_endpoint_names_a_host_or_a_path(tmp_path: Path, url: str) -> None:
    """A socket on this machine has a path alone, everything else a host."""
    text = SMALLEST.replace("http://127.0.0.1:8545", url)
    assert "entry 1 is no address of a node" in refusal(tmp_path, text)


def test_statistics_are_not_set_to_isolate(tmp_path: Path) -> None:
    """R2.4: what would behave as freeze is refused, in one line that names what there is."""
    text = refusal(tmp_path, f'{SMALLEST}[judgement]\nstrictest = "isolate"\n')
    path = tmp_path / "treasuryd.toml"
    advice = "write one of alert, throttle, hold, freeze"
    assert f"{path}: judgement.strictest = 'isolate': {advice}" == text


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Three mistakes are three lines, each with file, key, value and what to do."""
    text = SMALLEST.replace('"depth:2"', '"soon"').replace("http:", "ftp:")
    lines = refusal(tmp_path, text + "pol_s = 3\n").splitlines()
    path = tmp_path / "treasuryd.toml"
    assert 3 == len(lines)
    assert (
        f"{path}: chains.devnet.endpoints = ['ftp://127.0.0.1:8545']: "
        'entry 1 is no address of a node: "http://host:port", "ws://host:port" or "ipc:///path"'
    ) == lines[0]
    assert (
        f"{path}: chains.devnet.finality = 'soon': "
        'write "finalized", "safe", or "depth:12" for 12 blocks'
    ) == lines[1]
    assert f"{path}: chains.devnet.pol_s = 3: unknown key; remove it" in lines[2]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('state_dir = "state"', "", "daemon.state_dir: missing"),
        ('state_dir = "state"', "state_dir = 3", "daemon.state_dir = 3: write a text in quotes"),
        ("[signer]", "[sygner]", "signer: missing; write a table [signer]"),
        ('"depth:2"', '"depth:-1"', 'write "finalized", "safe", or "depth:12"'),
        ('"depth:2"', '"depth:1234567"', 'write "finalized", "safe", or "depth:12"'),
        ('"depth:2"', '"finalized"\npoll_s = 0', "poll_s = 0: write seconds from 0.05 to 3600"),
        ('"depth:2"', '"finalized"\npoll_s = nan', "poll_s = nan: write seconds from"),
        ('"depth:2"', '"finalized"\npoll_s = true', "poll_s = True: write seconds from"),
        ('"http://127.0.0.1:8545"', "", "endpoints = []: write a list of texts"),
        ("http://127.0.0.1:8545", "http://h:99999", "entry 1 is no address of a node"),
        ("http://127.0.0.1:8545", "http://", "entry 1 is no address of a node"),
        (
            'state_dir = "state"',
            'state_dir = "s"\nlog = "loud"',
            "write one of auto, json, console",
        ),
        (
            'state_dir = "state"',
            'state_dir = "s"\ndatabase = "my"',
            "daemon.database = 'my': the ledger is a SQLite file: write",
        ),
        ("[chains.devnet]", "[[chains]]", "chains = [{"),
    ],
)
def test_a_bad_value_is_refused_with_advice(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """Each mistake gives its own line."""
    assert old in SMALLEST
    assert expected in refusal(tmp_path, SMALLEST.replace(old, new))


def test_no_chain_is_refused(tmp_path: Path) -> None:
    """A daemon without a chain would watch nothing and look well."""
    text = SMALLEST[: SMALLEST.index("[chains")] + "[chains]\n"
    assert "name at least one chain in a table [chains.<name>]" in refusal(tmp_path, text)


def test_socket_path_too_long_for_the_kernel_is_refused(tmp_path: Path) -> None:
    """A Unix socket's path has at most 107 bytes; the message says so before bind does."""
    text = SMALLEST.replace('"api"', f'"{"a" * 120}"')
    assert "a Unix socket's path may have 107: use a shorter folder" in refusal(tmp_path, text)


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """A path that leads nowhere is one line."""
    with pytest.raises(ConfigError, match=r"No such file or directory\): create it or name"):
        load_settings(tmp_path / "nothing.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder instead of a file is one line too."""
    with pytest.raises(ConfigError, match="Is a directory"):
        load_settings(tmp_path)


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    """A syntax error is reported with line and column."""
    with pytest.raises(ConfigError, match=r"not valid TOML: .*line 3.*: mend that line"):
        load_settings(written(tmp_path, "a = 1\nb = 2\nc = = 3\n"))


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    """TOML itself forbids a second value, and we pass its word on."""
    with pytest.raises(ConfigError, match="line 2"):
        load_settings(written(tmp_path, "a = 1\na = 2\n"))


def test_text_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    """Bytes of another encoding are refused with the line."""
    path = tmp_path / "law.toml"
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigError, match="line 2 is not UTF-8"):
        load_law(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A file of the wrong kind does not fill the memory."""
    path = tmp_path / "law.toml"
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="larger than 1000000 bytes"):
        read_document(path)


def test_a_law_with_problems_keeps_them_all(tmp_path: Path) -> None:
    """A law's own list of problems passes through unchanged, under the file's path."""
    path = tmp_path / "law.toml"
    path.write_text("version = 2\n")
    with pytest.raises(ConfigError) as caught:
        load_law(path)
    assert f"{path}: version = 2: write a whole number from 1 to 1" in caught.value.problems


@given(st.text(max_size=300))
def test_no_text_ends_in_another_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in the file, the only error is ours."""
    path = tmp_path_factory.mktemp("any") / "treasuryd.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError):
        load_settings(path)
