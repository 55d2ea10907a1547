"""Write a law's document as the TOML file that a person would keep."""

from __future__ import annotations

import json


def as_toml(document: dict[str, object]) -> str:
    """Write a document as inline TOML: but for tables, JSON values are TOML values."""
    return "".join(f"{name} = {_value(value)}\n" for name, value in document.items())


def _value(value: object) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f'"{name}" = {_value(item)}' for name, item in value.items())
        return "{ " + inner + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value)
