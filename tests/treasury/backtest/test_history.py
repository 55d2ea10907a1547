"""Reading histories: our columns, Etherscan's exports, and one clear line for what is wrong."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasury.backtest.errors import BacktestError, HistoryError
from treasury.backtest.history import read_histories

A, B, C = "0x" + "aa" * 20, "0x" + "bb" * 20, "0x" + "cc" * 20
OURS = "timestamp,block,tx_hash,log_index,from,to,asset,symbol,amount,usd"
NATIVE = (
    '"Transaction Hash","Blockno","UnixTimestamp","DateTime (UTC)","From","To","ContractAddress",'
    '"Value_IN(ETH)","Value_OUT(ETH)","CurrentValue @ $3000/Eth","TxnFee(ETH)","TxnFee(USD)",'
    '"Historical $Price/Eth","Status","ErrCode","Method"'
)
TOKENS = (
    '"Transaction Hash","Blockno","UnixTimestamp","DateTime (UTC)","From","To","TokenValue",'
    '"USDValueDayOfTx","ContractAddress","TokenName","TokenSymbol"'
)


def _file(folder: Path, *lines: str, name: str = "history.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _ours(time: object = 1_600_000_000, to: str = B, amount: object = "1.5", usd: str = "") -> str:
    return f"{time},,0x01,,{A},{to},ETH,ETH,{amount},{usd}"


def test_our_columns_plain_and_gzipped_give_the_same_rows(tmp_path: Path) -> None:
    """Compression changes nothing, and a blank usd is None."""
    plain = _file(tmp_path, OURS, _ours(), _ours(1_600_000_001, usd="12.5"))
    packed = tmp_path / "history.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    rows = read_histories([plain])

    assert rows == read_histories([packed])
    assert [None, 12.5] == [row.value for row in rows]
    assert (A, B, "ETH", 1.5) == rows[0][2:6]


@pytest.mark.parametrize("said", ["2020-09-13 12:26:40", "9/13/2020 12:26:40 PM"])
def test_an_export_with_the_time_of_day_alone_is_accepted(tmp_path: Path, said: str) -> None:
    """Without unix seconds the date counts, as UTC; our own layout wants unix seconds."""
    header = TOKENS.replace('"UnixTimestamp",', "")
    path = _file(tmp_path, header, f'"0x01","7","{said}","{A}","{B}","1,000.5","","{C}","T","T"')

    assert [(1_600_000_000, 1_000.5)] == [(row.time, row.amount) for row in read_histories([path])]
    with pytest.raises(HistoryError, match="give unix seconds"):
        read_histories([_file(tmp_path, OURS, _ours(said))])


def test_an_export_with_a_wrong_date_is_refused(tmp_path: Path) -> None:
    """The thirteenth month is no time."""
    header = TOKENS.replace('"UnixTimestamp",', "")
    row = f'"0x01","7","13/13/2020 12:26:40 PM","{A}","{B}","1","","{C}","T","T"'

    with pytest.raises(HistoryError, match=r"column 3 \(DateTime \(UTC\)\).*not a time"):
        read_histories([_file(tmp_path, header, row)])


def test_rows_are_put_in_the_order_of_time(tmp_path: Path) -> None:
    """A newest-first export is turned round, rows of one second included."""
    rows = [_ours(30, amount=3), _ours(20, amount=2.5), _ours(20, amount=2), _ours(10, amount=1)]
    path = _file(tmp_path, OURS, *rows)

    assert [1.0, 2.0, 2.5, 3.0] == [row.amount for row in read_histories([path])]


def test_several_files_are_merged_by_time(tmp_path: Path) -> None:
    """A native and a token history of one wallet are judged together."""
    one = _file(tmp_path, OURS, _ours(10), _ours(30), name="one.csv")
    two = _file(tmp_path, OURS, _ours(20), name="two.csv")

    assert [10, 20, 30] == [row.time for row in read_histories([one, two])]


def test_etherscan_native_export_is_read(tmp_path: Path) -> None:
    """Failed transactions moved nothing, a creation has its contract as recipient."""
    fee = '"1","0.001","2","1800"'
    path = _file(
        tmp_path,
        "\ufeff" + NATIVE,
        f'"0x01","1","1600000000","x","{A}","{B}","","0","1,250.5",{fee},"","","Transfer"',
        f'"0x02","2","1600000010","x","{A}","{B}","","0","9",{fee},"Error(0)","Reverted","Call"',
        f'"0x03","3","1600000020","x","{A}","","{C}","0","2",{fee},"","","0x60806040"',
    )
    rows = read_histories([path])

    assert [(1250.5, B, "ETH"), (2.0, C, "ETH")] == [(r.amount, r.recipient, r.asset) for r in rows]


def test_etherscan_token_export_is_read(tmp_path: Path) -> None:
    """Thousands separators, dollar signs and unknown values are understood."""
    path = _file(
        tmp_path,
        TOKENS,
        f'"0x01","1","1600000000","x","{A}","{B}","1,000,000.25","$2,000.50","{C.upper()[:2].lower()}'
        f'{C[2:].upper()}","Token","TKN"',
        f'"0x02","2","1600000010","x","{A}","{B}","3","N/A","{C}","Token","TKN"',
    )
    rows = read_histories([path])

    assert [(1_000_000.25, 2000.5, C), (3.0, None, C)] == [
        (row.amount, row.value, row.asset) for row in rows
    ]


def test_etherscan_internal_export_is_read(tmp_path: Path) -> None:
    """Its recipient is called TxTo; what came in is an amount, too."""
    header = (
        '"Transaction Hash","Blockno","UnixTimestamp","DateTime (UTC)","ParentTxFrom","ParentTxTo",'
        '"ParentTxETH_Value","From","TxTo","ContractAddress","Value_IN(ETH)","Value_OUT(ETH)",'
        '"CurrentValue @ $3000/Eth","Historical $Price/Eth","Status","ErrCode","Type"'
    )
    path = _file(
        tmp_path,
        header,
        f'"0x1","7","1600000000","2020-09-13","{C}","{C}","0","{A}","{B}","","0","2.5","0","1","0","","call"',
        f'"0x2","8","1600000001","2020-09-13","{C}","{C}","0","{B}","{A}","","0.5","0","0","1","0","","call"',
    )
    rows = read_histories([path])

    assert [(A, B, "ETH", 2.5), (B, A, "ETH", 0.5)] == [row[2:6] for row in rows]


def test_older_token_exports_call_the_amount_value(tmp_path: Path) -> None:
    """The column was renamed over the years."""
    header = TOKENS.replace("TokenValue", "Value")
    row = f'"0x1","7","1600000000","2020","{A}","{B}","1,250.5","N/A","{C}","Coin","C"'

    assert read_histories([_file(tmp_path, header, row)])[0].amount == 1250.5


def test_a_blank_recipient_is_a_new_contract(tmp_path: Path) -> None:
    """A creation without an address gets a recipient of its own."""
    path = _file(tmp_path, OURS, _ours(to=""))

    assert read_histories([path])[0].recipient == "0x01"


@pytest.mark.parametrize(
    ("row", "column", "advice"),
    [
        (_ours(time="yesterday"), "column 1 (timestamp)", "unix seconds"),
        (_ours(time=1_600_000_000_000), "column 1 (timestamp)", "unix seconds"),
        (_ours(to="0x12"), "column 6 (to)", "40 hexadecimal digits"),
        (_ours(to="0x" + "zz" * 20), "column 6 (to)", "40 hexadecimal digits"),
        (_ours(amount="many"), "column 9 (amount)", "token units"),
        (_ours(amount="-1"), "column 9 (amount)", "token units"),
        (_ours(amount="nan"), "column 9 (amount)", "token units"),
        (_ours(amount="1e400"), "column 9 (amount)", "token units"),
        (_ours(usd="free"), "column 10 (usd)", "leave it blank"),
        ("1,2,3", "line 3", "3 cells"),
    ],
)
def test_a_malformed_row_is_named_with_file_line_and_column(
    tmp_path: Path, row: str, column: str, advice: str
) -> None:
    """One line says where and what to write instead."""
    path = _file(tmp_path, OURS, _ours(), row)
    with pytest.raises(HistoryError) as caught:
        read_histories([path])
    message = str(caught.value)

    assert f"{path}, line 3" in message
    assert column in message
    assert advice in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n", OURS + "\n"])
def test_a_file_without_header_or_rows_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing to judge is an error and not an empty success."""
    path = tmp_path / "history.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BacktestError, match=r"history\.csv"):
        read_histories([path])


def test_a_broken_archive_and_binary_text_are_refused(tmp_path: Path) -> None:
    """Half a gzip file and bytes that are no text each give one line."""
    packed, binary = tmp_path / "half.csv.gz", tmp_path / "binary.csv"
    packed.write_bytes(gzip.compress(("x" * 10_000).encode())[:40])
    binary.write_bytes(b"\xff\xfe\x00" * 100)
    for path in (packed, binary, tmp_path / "missing.csv"):
        with pytest.raises(BacktestError, match=path.name):
            read_histories([path])


@given(st.text(max_size=300))
def test_no_text_crashes_the_reader(text: str) -> None:
    """Whatever stands in the file, the answer is rows or a BacktestError."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.csv"
        path.write_text(OURS + "\n" + text, encoding="utf-8", errors="ignore")
        with contextlib.suppress(BacktestError):
            assert read_histories([path])
