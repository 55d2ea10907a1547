"""What every test gets: a token store of its own, a clock that stands still, no network."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.fakes.clock import FakeClock
from tests.fakes.nodes import RealNode, RealNodes, chosen_nodes
from tests.fakes.offline import close_all, stay_here
from tests.fakes.softhsm import SoftHsm, softhsm_at

_LONGEST = "test_story.py"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks of this suite; a busy machine breaks no property by being slow."""
    settings.register_profile(
        "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("busy machine")
    config.addinivalue_line("markers", "sockets: the test may open sockets (any family)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every worker begin with one of the longest tests: who begins with them last ends last."""
    longest = [item for item in items if item.path.name == _LONGEST]
    items[:] = [item for item in items if item.path.name != _LONGEST]
    share = len(items) // max(len(longest), 1)
    for place, item in reversed(list(enumerate(longest))):
        items.insert(place * share, item)


@pytest.fixture(autouse=True)
def _offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every socket; a test that is marked `sockets` gets those within this machine."""
    is_marked = request.node.get_closest_marker("sockets") is not None
    (stay_here if is_marked else close_all)(monkeypatch)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: hundreds of fsyncs, and nothing to keep."""
    shared = Path("/dev/shm")
    if not shared.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as name:
        yield Path(name)


@pytest.fixture
def quiet() -> Iterator[None]:
    """No log below critical: a belt writes a line for each of its many steps."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()


@pytest.fixture
def softhsm(tmp_path: Path) -> Iterator[SoftHsm]:
    """An empty SoftHSM store for this test alone; `SOFTHSM2_CONF` points at it."""
    with softhsm_at(tmp_path / "softhsm") as store:
        yield store


@pytest.fixture(scope="session")
def real_nodes() -> Iterator[RealNodes]:
    """The nodes of this run; each is started when the first test asks for it."""
    nodes = RealNodes()
    yield nodes
    nodes.stop()


@pytest.fixture(params=chosen_nodes())
def dev_chain(request: pytest.FixtureRequest, real_nodes: RealNodes) -> Iterator[RealNode]:
    """A real node that mines at once: our own chain, then anvil. Mark the test `sockets`."""
    with real_nodes.lend(request.param) as node:
        yield node
