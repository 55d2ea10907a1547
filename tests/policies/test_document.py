"""Reading a document strictly: each wrong key is one line that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import pytest

from policies.document import Table
from policies.terms import NATIVE
from tests.laws import TOKEN


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


Read = Callable[[Table], object]
OTHER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"


def _table(value: object, path: str = "a") -> tuple[Table, list[str]]:
    problems: list[str] = []
    return Table({"k": value}, source="f.toml", path=path, problems=problems), problems


@pytest.mark.parametrize(
    ("value", "read", "expected"),
    [
        ("words", lambda t: t.text("k"), "words"),
        ("hot-a", lambda t: t.name("k"), "hot-a"),
        (3, lambda t: t.integer("k", least=3, most=3), 3),
        (True, lambda t: t.flag("k"), True),
        ("blue", lambda t: t.choice("k", Colour), Colour.BLUE),
        ("1.5 X", lambda t: t.amount("k", "X", 1), 15),
        (TOKEN, lambda t: t.address("k"), TOKEN),
        ([TOKEN], lambda t: t.addresses("k"), (TOKEN,)),
        (["a", "b"], lambda t: t.names("k"), ("a", "b")),
        (["http://a b", "c"], lambda t: t.texts("k"), ("http://a b", "c")),
        (2, lambda t: t.seconds("k", least=0, most=2), 2.0),
        (0.5, lambda t: t.seconds("k", least=0.5, most=2), 0.5),
        ({"x": 1}, lambda t: t.table("k").integer("x", least=0), 1),
        ({"x": {"y": 1}}, lambda t: t.tables("k")["x"].integer("y", least=0), 1),
        ([{"y": 1}], lambda t: t.rows("k")[0].integer("y", least=0), 1),
    ],
)
def test_good_values_are_read(value: object, read: Read, expected: object) -> None:
    """What is well-formed is returned as it means, and no problem is noted."""
    table, problems = _table(value)

    assert expected == read(table)
    table.finish()
    assert problems == []


@pytest.mark.parametrize(
    ("value", "read", "is_read"),
    [
        ("x", lambda t: t.text("k"), True),
        ("x" * 200, lambda t: t.text("k"), True),
        ("x" * 201, lambda t: t.text("k"), False),
        (["x" * 200], lambda t: t.texts("k"), True),
        (["x" * 201], lambda t: t.texts("k"), False),
        ("x" * 40, lambda t: t.name("k"), True),
        (2**63 - 1, lambda t: t.integer("k", least=0), True),
        (2**63, lambda t: t.integer("k", least=0), False),
    ],
)
def test_the_last_value_that_is_read_and_the_first_that_is_not(
    value: object, read: Read, is_read: bool
) -> None:
    """Texts end at two hundred characters, names at forty, numbers where a row ends."""
    table, problems = _table(value)

    read(table)

    assert is_read == (not problems)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda t: t.text("missing", "x"), "x"),
        (lambda t: t.name("missing", "x"), "x"),
        (lambda t: t.integer("missing", least=0, default=7), 7),
        (lambda t: t.flag("missing", default=False), False),
        (lambda t: t.choice("missing", Colour, Colour.BLUE), Colour.BLUE),
        (lambda t: t.amount("missing", "X", 1, 5), 5),
        (lambda t: t.addresses("missing"), ()),
        (lambda t: t.tables("missing", optional=True), {}),
    ],
)
def test_defaults_stand_in_for_missing_keys(read: Read, expected: object) -> None:
    """A missing key with a default is no problem."""
    table, problems = _table(1)

    assert expected == read(table)
    assert problems == []


_TEXT = "write a text in quotes, printable ASCII, at most 200 characters"
_NAME = "use letters, digits, '.', '-' and '_', at most 40"


@pytest.mark.parametrize(
    ("value", "read", "expected"),
    [
        (5, lambda t: t.text("k"), f"f.toml: a.k = 5: {_TEXT}"),
        ("", lambda t: t.text("k"), f"f.toml: a.k = '': {_TEXT}"),
        ("a\nb", lambda t: t.text("k"), f"f.toml: a.k = 'a\\nb': {_TEXT}"),
        ("ä", lambda t: t.text("k"), f"f.toml: a.k = 'ä': {_TEXT}"),
        ("hot a", lambda t: t.name("k"), f"f.toml: a.k = 'hot a': {_NAME}"),
        ("-a", lambda t: t.name("k"), f"f.toml: a.k = '-a': {_NAME}"),
        ("a" * 41, lambda t: t.name("k"), f"f.toml: a.k = '{'a' * 41}': {_NAME}"),
        (
            True,
            lambda t: t.integer("k", least=0, most=9),
            "f.toml: a.k = True: write a whole number from 0 to 9",
        ),
        (
            1.0,
            lambda t: t.integer("k", least=0, most=9),
            "f.toml: a.k = 1.0: write a whole number from 0 to 9",
        ),
        (
            10,
            lambda t: t.integer("k", least=0, most=9),
            "f.toml: a.k = 10: write a whole number from 0 to 9",
        ),
        (
            -1,
            lambda t: t.integer("k", least=0, most=9),
            "f.toml: a.k = -1: write a whole number from 0 to 9",
        ),
        (1, lambda t: t.flag("k"), "f.toml: a.k = 1: write true or false"),
        ("green", lambda t: t.choice("k", Colour), "f.toml: a.k = 'green': write one of red, blue"),
        (["red"], lambda t: t.choice("k", Colour), "f.toml: a.k = ['red']: write one of red, blue"),
        (
            1.5,
            lambda t: t.amount("k", "X", 1),
            'f.toml: a.k = 1.5: write an amount in quotes, for example "12.5 X"',
        ),
        ("1 Y", lambda t: t.amount("k", "X", 1), "f.toml: a.k = '1 Y': '1 Y' is in Y, expected X"),
        (
            7,
            lambda t: t.address("k"),
            "f.toml: a.k = 7: write an address in quotes, 0x and 40 digits",
        ),
        (
            "0x1",
            lambda t: t.address("k"),
            "f.toml: a.k = '0x1': '0x1' is not an address: write 0x and 40 hexadecimal digits",
        ),
        ("x", lambda t: t.addresses("k"), "f.toml: a.k = 'x': write a list of addresses"),
        ([], lambda t: t.names("k"), "f.toml: a.k = []: write a list of names, at least one"),
        ([1], lambda t: t.names("k"), "f.toml: a.k = [1]: write a list of names, at least one"),
        (
            ["x", "x"],
            lambda t: t.names("k"),
            "f.toml: a.k = ['x', 'x']: a name stands twice",
        ),
        (
            ["x", "x"],
            lambda t: t.texts("k"),
            "f.toml: a.k = ['x', 'x']: an entry stands twice",
        ),
        (
            ["x", ""],
            lambda t: t.texts("k"),
            "f.toml: a.k = ['x', '']: write a list of texts in quotes, at least one",
        ),
        (
            [],
            lambda t: t.texts("k"),
            "f.toml: a.k = []: write a list of texts in quotes, at least one",
        ),
        (
            2.5,
            lambda t: t.seconds("k", least=0.5, most=2),
            "f.toml: a.k = 2.5: write seconds from 0.5 to 2",
        ),
        (
            float("nan"),
            lambda t: t.seconds("k", least=0, most=2),
            "f.toml: a.k = nan: write seconds from 0 to 2",
        ),
        (
            True,
            lambda t: t.seconds("k", least=0, most=2),
            "f.toml: a.k = True: write seconds from 0 to 2",
        ),
        (1, lambda t: t.table("k"), "f.toml: a.k = 1: write a table [a.k]"),
        (1, lambda t: t.tables("k"), "f.toml: a.k = 1: write tables such as [a.k.<name>]"),
        (
            {"x": 1},
            lambda t: t.tables("k"),
            "f.toml: a.k = {'x': 1}: write tables such as [a.k.<name>]",
        ),
        (
            {"x y": {}},
            lambda t: t.tables("k"),
            "f.toml: a.k.'x y': use letters, digits, '.', '-' and '_' for the name, at most 40",
        ),
        ({}, lambda t: t.rows("k"), "f.toml: a.k = {}: write a list of tables, at least one"),
        ([1], lambda t: t.rows("k"), "f.toml: a.k = [1]: write a list of tables, at least one"),
    ],
)
def test_bad_values_are_told_with_file_key_value_and_advice(
    value: object, read: Read, expected: str
) -> None:
    """Each wrong value is one line: the file, the key, what stands there, what to do."""
    table, problems = _table(value)

    read(table)

    assert [expected] == problems


@pytest.mark.parametrize(
    ("read", "advice"),
    [
        (lambda t: t.text("m"), _TEXT),
        (lambda t: t.integer("m", least=0, most=9), "write a whole number from 0 to 9"),
        (lambda t: t.flag("m"), "write true or false"),
        (lambda t: t.table("m"), "write a table [a.m]"),
        (lambda t: t.rows("m"), "write a list of tables, at least one"),
    ],
)
def test_a_missing_key_is_told_with_what_to_write(read: Read, advice: str) -> None:
    """A missing key says so and how to mend it."""
    table, problems = _table(1)

    read(table)

    assert [f"f.toml: a.m: missing; {advice}"] == problems


def test_all_problems_are_told_at_once_and_unknown_keys_at_the_end() -> None:
    """Reading goes on after a problem; what nobody asked for is refused with the known keys."""
    problems: list[str] = []
    table = Table({"x": 1, "z": 2}, source="f.toml", path="", problems=problems)

    table.text("x")
    table.name("y")
    table.finish()

    assert [
        f"f.toml: x = 1: {_TEXT}",
        f"f.toml: y: missing; {_NAME}",
        "f.toml: z = 2: unknown key; remove it (known here: x, y)",
    ] == problems


def test_rows_have_numbers_in_their_path() -> None:
    """A problem in a list of tables says in which row."""
    table, problems = _table([{"n": "a"}, {"n": 1}])

    for row in table.rows("k"):
        row.name("n")

    assert [f"f.toml: a.k[1].n = 1: {_NAME}"] == problems


def test_an_address_that_stands_twice_is_told() -> None:
    """A list of addresses is a set; the zero address stands in for a wrong one."""
    table, problems = _table([OTHER, OTHER])
    assert (OTHER, OTHER) == table.addresses("k")
    assert problems[0].endswith("an address stands twice")

    wrong, _ = _table("0x1")
    assert NATIVE == wrong.address("k")


def test_a_long_value_is_cut_in_the_message() -> None:
    """A message stays one line that fits a terminal, however long the value is."""
    table, problems = _table("x" * 1000)

    table.text("k")

    assert "…" in problems[0]
    assert len(problems[0]) < 200


@pytest.mark.parametrize(
    ("value", "shown"), [("é" * 78, f"'{'é' * 78}'"), ("é" * 79, f"'{'é' * 78}…")]
)
def test_eighty_characters_are_shown_whole(value: str, shown: str) -> None:
    """Quotation marks included; of one more the last is an ellipsis."""
    table, problems = _table(value)
    table.text("k")

    assert f" = {shown}: " in problems[0]


def test_a_key_knows_whether_it_is_there() -> None:
    """Optional parts are asked for before they are read."""
    table, _ = _table(1, path="")

    assert table.has("k")
    assert not table.has("m")
    assert table.key("k") == "k"
