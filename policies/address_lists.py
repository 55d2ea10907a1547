"""Lists of addresses that others publish, read from their usual forms: text, CSV and JSON.

Text has one address a line, comments behind "#" and words behind the address are left out. CSV has
addresses in a column whose name says so, else in its first column. JSON is a list of addresses, or
of objects, or an object with such a list; an object's address stands under a key that says so.

Upper and lower case are the publisher's business: many lists are all lower case. A mixed-case
address whose checksum is wrong is a problem, because one letter of it is.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from policies.crypto import BadAddressError, parse_address
from policies.terms import Address

MOST_ADDRESSES = 200_000
_SHOWN_PROBLEMS = 20
_KEYS = ("address", "banned_address", "addresses", "sanctioned_address", "account")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressList:
    """What a file holds: distinct addresses in its order, and the first lines that hold none."""

    addresses: tuple[Address, ...]
    problems: tuple[str, ...]


def read_address_list(text: str) -> AddressList:
    """Read a list in whatever form it has; what cannot be read is told line by line."""
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] in ("[", "{"):
        return _collected(_from_json(start))
    first = start.splitlines()[0] if start else ""
    if "," in first:
        return _collected(_from_csv(start))
    return _collected(_from_lines(start))


def _collected(found: Iterable[tuple[str, str]]) -> AddressList:
    addresses: dict[Address, None] = {}
    problems: list[str] = []
    for place, word in found:
        try:
            address = parse_address(word)
        except BadAddressError as error:
            problems.append(f"{place}: {error}")
            continue
        addresses[address] = None
        if len(addresses) > MOST_ADDRESSES:
            problems.append(f"{place}: more than {MOST_ADDRESSES} addresses")
            break
    return AddressList(addresses=tuple(addresses), problems=tuple(problems[:_SHOWN_PROBLEMS]))


def _from_lines(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if words:
            yield f"line {number}", words[0].rstrip(",;")


def _from_csv(text: str) -> Iterator[tuple[str, str]]:
    rows = csv.reader(text.splitlines())
    heading = [cell.strip().lower() for cell in next(rows, [])]
    column = next((heading.index(name) for name in _KEYS if name in heading), None)
    if column is None:
        column = 0
        if heading and heading[0].startswith("0x"):
            yield "line 1", heading[0]
    for number, row in enumerate(rows, start=2):
        if row:
            yield f"line {number}", row[column].strip() if column < len(row) else ""


def _from_json(text: str) -> Iterator[tuple[str, str]]:
    try:
        found = tuple(_within(json.loads(text), "entry"))
    except (ValueError, RecursionError) as error:
        found = ((f"JSON ({error})", ""),)
    yield from found


def _within(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for number, item in enumerate(value, start=1):
            yield from _within(item, f"{place} {number}")
    elif isinstance(value, Mapping):
        key = next((name for name in _KEYS if name in value), None)
        if key is None:
            yield f"{place} (no key {' or '.join(_KEYS)})", ""
        else:
            yield from _within(value[key], place)
    else:
        yield place, str(value)
