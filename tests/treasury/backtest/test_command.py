"""The command from arguments to output."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from tests.simulation.outflow_thefts import steal
from tests.simulation.outflow_treasuries import payroll
from treasury.backtest.__main__ import main

HEADER = [
    "timestamp", "block", "tx_hash", "log_index", "from", "to", "asset", "symbol", "amount", "usd",
]  # fmt: skip
WALLET = "0x" + "ab" * 20
EXTRACT = Path(__file__).parents[2] / "data" / "outflow" / "mainnet_2017_payouts.csv.gz"
SHARED = Path(__file__).parents[4] / "shared" / "data" / "eth_blocks_2017" / "payouts.csv.gz"


@pytest.fixture(scope="module")
def robbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A payroll wallet's past with a theft near its end."""
    wallet = payroll(61)
    start = wallet.events[int(len(wallet.events) * 0.9)].time + 60
    stolen = steal("coinex", wallet, start, 61)
    marked = [(e, "0xee") for e in wallet.events] + [(e, "0xdd") for e in stolen]
    marked.sort(key=lambda item: item[0].time)
    path = tmp_path_factory.mktemp("robbed") / "history.csv.gz"
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(HEADER)
    for index, (event, mark) in enumerate(marked):
        amount = f"{event.amount:.18f}"
        tx = f"{mark}{index:060x}"
        rows.writerow(
            [event.time, "", tx, "", WALLET, event.recipient, event.asset, "", amount, ""]
        )
    path.write_bytes(gzip.compress(text.getvalue().encode()))
    return path


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main([*arguments, "--json"]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_json_has_the_agreed_shape_and_finds_the_theft(
    robbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wallets, verdicts and speed, and the thief's first or second transfer is held."""
    answer = _json(capsys, "--history", str(robbed))
    assert set(answer) == {"wallets", "verdicts", "events_per_second"}
    assert set(answer["wallets"][WALLET]) == {"events", "first", "last"}  # type: ignore[index]
    verdicts = answer["verdicts"]
    held = [v for v in verdicts if v["verdict"] in {"hold", "freeze", "isolate"}]  # type: ignore[attr-defined]

    assert all(
        set(v) == {"time", "tx_hash", "wallet", "verdict", "score", "reasons"}
        for v in verdicts  # type: ignore[attr-defined]
    )
    assert all(set(r) == {"rule", "observed", "expected"} for v in held for r in v["reasons"])
    assert any(v["tx_hash"].startswith("0xdd") for v in held)


def test_the_same_input_gives_the_same_verdicts(
    robbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing depends on the run."""
    runs = [_json(capsys, "--history", str(robbed))["verdicts"] for _ in range(2)]

    assert runs[0] == runs[1]


def test_nothing_is_said_within_the_warm_up(
    robbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Verdicts begin after the given share of the wallet's own time."""
    answer = _json(capsys, "--history", str(robbed), "--warmup", "0.95")
    span = answer["wallets"][WALLET]  # type: ignore[index]
    begin = span["first"] + int(0.95 * (span["last"] - span["first"]))

    assert all(v["time"] >= begin for v in answer["verdicts"])  # type: ignore[attr-defined]


def test_no_real_payout_wallet_of_2017_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    """Fifteen real wallets, a pool that pays hundreds within a minute: no hold-or-worse."""
    answer = _json(capsys, "--history", str(EXTRACT))
    worst = {v["verdict"] for v in answer["verdicts"]}  # type: ignore[attr-defined]

    assert len(answer["wallets"]) == 15  # type: ignore[arg-type]
    assert worst <= {"alert", "throttle"}


@pytest.mark.skipif(
    not SHARED.exists(), reason="the full 2017 payouts do not lie beside the repository"
)
def test_none_of_the_nineteen_wallets_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    """The whole file: 8,463 payouts, 19 wallets, no hold-or-worse after the warm-up."""
    answer = _json(capsys, "--history", str(SHARED))
    worst = {v["verdict"] for v in answer["verdicts"]}  # type: ignore[attr-defined]

    assert len(answer["wallets"]) == 19  # type: ignore[arg-type]
    assert worst <= {"alert", "throttle"}


def test_addresses_and_whole_weeks_do_not_matter(
    robbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shifted by four weeks and with other recipients the same transfers are judged the same."""
    text = gzip.decompress(robbed.read_bytes()).decode()
    rows = list(csv.reader(io.StringIO(text)))
    for row in rows[1:]:
        row[0] = str(int(row[0]) + 28 * 86_400)
        row[5] = "0x" + row[5][2:][::-1]
    moved = tmp_path / "moved.csv"
    with moved.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    said = [
        [(v["tx_hash"], v["verdict"]) for v in _json(capsys, "--history", str(path))["verdicts"]]  # type: ignore[attr-defined]
        for path in (robbed, moved)
    ]

    assert said[0] == said[1]


def test_the_report_shows_plot_verdicts_and_suggestions(
    robbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --json there is a readable report and a PNG."""
    pytest.importorskip("matplotlib", reason="the extra `report` is not installed")
    png = tmp_path / "plot.png"
    assert main(["--history", str(robbed), "--png", str(png)]) == 0
    text = capsys.readouterr().out

    for words in (WALLET, "verdicts:", "█", "floor", "target", "per transfer", "a second"):
        assert words in text
    assert png.read_bytes().startswith(b"\x89PNG")


def test_the_report_tells_a_drain_once_and_its_loot_sets_no_limit(
    robbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The thief's address is shown a few times, and what went to it is in no suggested limit."""
    lines = gzip.decompress(robbed.read_bytes()).decode().splitlines()
    stolen = [line for line in lines if line.split(",")[2].startswith("0xdd")]
    honest = tmp_path / "honest.csv"
    honest.write_text("\n".join(line for line in lines if line not in stolen), encoding="utf-8")
    said = []
    for path in (robbed, honest):
        assert main(["--history", str(path), "--no-png"]) == 0
        said.append(capsys.readouterr().out)
    limits = [[line for line in text.splitlines() if "per transfer" in line] for text in said]

    assert len(stolen) > 3
    assert 1 <= said[0].count(f"to {stolen[0].split(',')[5]}\n") <= 3
    assert limits[0] == limits[1]


def test_the_report_warns_of_a_past_too_short_for_limits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Eight hours of payouts say little about a day, and the report says so beside its figures."""
    assert main(["--history", str(EXTRACT), "--no-png"]) == 0
    text = capsys.readouterr().out

    assert text.count("days only: too low") == text.count("Wallet 0x")


def test_wallet_selects_and_an_unknown_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Only the asked-for senders are judged; one without outflow is a clear error."""
    pool = "0x61c808d82a3ac53231750dadc13c777b59310bd9"
    answer = _json(capsys, "--history", str(EXTRACT), "--wallet", pool.upper().replace("X", "x"))
    assert [pool] == list(answer["wallets"])  # type: ignore[call-overload]
    assert main(["--history", str(EXTRACT), "--wallet", "0x" + "00" * 20]) == 78

    assert "no transfer from it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sensitivity]\nhodl = 3.0\n", "sensitivity.hodl: unknown"),
        ("[sensitivity]\nhold = 'high'\n", "must be a number above zero"),
        ("[sensitivity]\nhold = 9.0\n", "alert < throttle < hold"),
        ("[planning]\ndry_share_max = 2.0\n", "below 1"),
        ("[limits]\n", "unknown; give [sensitivity] or [planning]"),
        ("= nothing", "is not TOML"),
    ],
)
def test_a_wrong_config_is_one_line_and_exit_78(
    tmp_path: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is named with its key."""
    config = tmp_path / "backtest.toml"
    config.write_text(text, encoding="utf-8")
    code = main(["--history", str(EXTRACT), "--config", str(config), "--json"])
    said = capsys.readouterr().err

    assert code == 78
    assert words in said
    assert said.count("\n") == 1


def test_a_config_changes_the_ladder(
    robbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lower ladder speaks louder."""
    config = tmp_path / "backtest.toml"
    config.write_text("[sensitivity]\nalert = 0.5\nthrottle = 0.7\nhold = 1.0\n", encoding="utf-8")
    counts = []
    for extra in ([], ["--config", str(config)]):
        answer = _json(capsys, "--history", str(robbed), *extra)
        counts.append(sum(v["verdict"] != "alert" for v in answer["verdicts"]))  # type: ignore[attr-defined]

    assert counts[0] < counts[1]


@pytest.mark.parametrize(
    "arguments", [[], ["--history"], ["--history", "x", "--warmup", "1.5"], ["--what"]]
)
def test_wrong_usage_is_one_line_and_exit_78(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line is checked before any file is opened."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 78
    assert capsys.readouterr().err.count("\n") == 1


def test_a_malformed_history_is_exit_65(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad row is the data's fault and not the configuration's."""
    path = tmp_path / "bad.csv"
    path.write_text(",".join(HEADER) + f"\nx,,0x1,,{WALLET},{WALLET},ETH,,1,\n", encoding="utf-8")

    assert main(["--history", str(path), "--json"]) == 65
    assert "line 2, column 1 (timestamp)" in capsys.readouterr().err
