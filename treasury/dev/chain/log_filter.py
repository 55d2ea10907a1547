"""The filter of `eth_getLogs`."""

from __future__ import annotations

from dataclasses import dataclass

from treasury.dev.chain.errors import InvalidParamsError
from treasury.dev.chain.params import BlockId, block_id, sized_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which logs are asked for; an empty set of addresses or topics allows all."""

    block: bytes | None
    first: BlockId
    last: BlockId
    addresses: frozenset[str]
    topics: tuple[frozenset[str], ...]

    @classmethod
    def parse(cls, fields: dict[str, object]) -> LogFilter:
        """Read the filter object; raises `InvalidParamsError`."""
        digest = fields.get("blockHash")
        if digest is not None and ("fromBlock" in fields or "toBlock" in fields):
            raise InvalidParamsError("cannot specify both blockHash and fromBlock/toBlock")
        topics = fields.get("topics") or []
        if not isinstance(topics, list):
            raise InvalidParamsError("topics must be an array")
        return cls(
            block=None if digest is None else sized_bytes(digest, 32),
            first=block_id(fields.get("fromBlock") or "latest"),
            last=block_id(fields.get("toBlock") or "latest"),
            addresses=_one_or_many(fields.get("address"), 20),
            topics=tuple(_one_or_many(topic, 32) for topic in topics),
        )

    def matches(self, log: dict[str, object]) -> bool:
        """Say whether a log (in its JSON shape) is asked for."""
        if self.addresses and log["address"] not in self.addresses:
            return False
        present = log["topics"]
        assert isinstance(present, list)
        if len(present) < len(self.topics):
            return False
        pairs = zip(self.topics, present, strict=False)
        return all(not allowed or topic in allowed for allowed, topic in pairs)


def _one_or_many(value: object, size: int) -> frozenset[str]:
    if value is None:
        return frozenset()
    values = value if isinstance(value, list) else [value]
    return frozenset("0x" + sized_bytes(item, size).hex() for item in values)
