"""The one error of this room: something that an operator wrote, or did not write."""

from __future__ import annotations


class ConfigError(Exception):
    """A file or value cannot be used; `problems` lists all of them, one clear line each."""

    def __init__(self, *problems: str) -> None:
        """Keep all problems; the message shows each on its own line."""
        super().__init__("\n".join(problems))
        self.problems = problems
