"""What happens by the clock and beside the lanes: the calendar's jobs and the postmen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.settings import Settings
from hsm.client import SignerClient
from treasury.alerts.channels import channels_of
from treasury.alerts.conditions import (
    Conditions,
    chains_are_seen,
    drills_are_fresh,
    heads_are_signed,
    losses_are_accepted,
    retired_stay_empty,
    signer_agrees,
    signer_speaks,
)
from treasury.alerts.holdings import caps_are_kept, nothing_is_left_behind, vaults_can_fill
from treasury.alerts.postman import Postman
from treasury.alerts.pulse import Pulse
from treasury.alerts.readiness import (
    sponsors_have_gas,
    standbys_are_ready,
    transfers_are_mined,
)
from treasury.alerts.rounds import Rounds
from treasury.alerts.standstills import (
    denylists_are_fresh,
    fees_are_bearable,
    live_wallets_are_followed,
    nonces_fit,
    signer_is_thawed,
)
from treasury.book.introduction import SignerWatch
from treasury.calendar import Job
from treasury.clock import utc_now
from treasury.incident_file.files import IncidentFiles
from treasury.lanes import Lane
from treasury.ledger import Ledger
from treasury.ledger.queries import standings
from treasury.memory import give_back
from treasury.records.checkpoints import Checkpoints
from treasury.records.live_wallets import LiveWallets
from treasury.safety.red_line import RedLine

_SIGNER_LOOK_S = 5.0
_PUBLISH_S = 1.0
_ROUNDS_S = 1.0
_CONDITIONS_S = 5.0
_FIGURES_S = 30.0
_FILES_S = 2.0
_MEMORY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerks:
    """What the jobs need of the daemon."""

    settings: Settings
    ledger: Ledger
    signer: SignerClient
    watch: SignerWatch
    lanes: tuple[Lane, ...]
    files: IncidentFiles

    def is_well(self) -> bool:
        """Say whether every lane finishes its ticks in time."""
        return all(lane.is_alive() for lane in self.lanes)


def jobs(clerks: Clerks) -> tuple[Job, ...]:
    """List what happens by the clock."""
    return (*_keeping(clerks), *_alerting(clerks))


def postmen(clerks: Clerks) -> tuple[Postman, ...]:
    """Return a postman for every channel of the settings."""
    return tuple(
        Postman(ledger=clerks.ledger, channel=channel, clock=utc_now)
        for channel in channels_of(clerks.settings.alerts)
    )


def _keeping(clerks: Clerks) -> Iterator[Job]:
    settings, ledger = clerks.settings, clerks.ledger
    points = Checkpoints(
        ledger=ledger,
        signer=clerks.signer,
        settings=settings.journal,
        path=settings.daemon.state_dir / "checkpoints.jsonl",
        clock=utc_now,
    )
    yield Job(name="signer", deed=clerks.watch.look, every_s=_SIGNER_LOOK_S)
    yield Job(name="checkpoint", deed=points.sign, every_s=_SIGNER_LOOK_S)
    line = RedLine(ledger=ledger, chains=settings.chains, clock=utc_now)
    yield Job(name="red_line", deed=line.look, every_s=_FIGURES_S)
    yield Job(name="incident_files", deed=clerks.files.tend, every_s=_FILES_S)
    yield Job(name="memory", deed=give_back, every_s=_MEMORY_S)
    if settings.daemon.live_wallets is not None:
        live = LiveWallets(ledger=ledger, path=settings.daemon.live_wallets, clock=utc_now)
        yield Job(name="live_wallets", deed=live.publish, every_s=_PUBLISH_S)


def _alerting(clerks: Clerks) -> Iterator[Job]:
    settings, ledger = clerks.settings.alerts, clerks.ledger
    rounds = Rounds(ledger=ledger, settings=settings, clock=utc_now)
    yield Job(name="alarm_rounds", deed=rounds.go, every_s=_ROUNDS_S)
    conditions = Conditions(
        ledger=ledger,
        clock=utc_now,
        patience_s=settings.patience_s,
        looks=(
            signer_speaks(lambda: clerks.watch.health().signer),
            chains_are_seen(ledger, _stale_after_s(clerks)),
            drills_are_fresh(ledger, settings.drill_overdue_s),
            heads_are_signed(ledger, clerks.settings.journal.checkpoint_after_s),
            retired_stay_empty(ledger),
            standbys_are_ready(ledger),
            sponsors_have_gas(ledger),
            transfers_are_mined(ledger),
            signer_agrees(ledger),
            signer_is_thawed(lambda: clerks.watch.health().signer_frozen),
            fees_are_bearable(ledger),
            live_wallets_are_followed(ledger),
        ),
    )
    yield Job(name="conditions", deed=conditions.look, every_s=_CONDITIONS_S)
    figures = Conditions(
        ledger=ledger,
        clock=utc_now,
        patience_s=settings.patience_s,
        looks=(
            losses_are_accepted(ledger, clerks.settings.chains),
            caps_are_kept(ledger),
            vaults_can_fill(ledger),
            nothing_is_left_behind(ledger),
            denylists_are_fresh(ledger, settings.denylist_old_s),
            nonces_fit(ledger),
        ),
    )
    yield Job(name="figures", deed=figures.look, every_s=_FIGURES_S)
    if settings.pulse is not None:
        pulse = Pulse(ledger=ledger, settings=settings.pulse, clock=utc_now, is_well=clerks.is_well)
        yield Job(name="pulse", deed=pulse.beat, every_s=settings.pulse.every_s)


def _stale_after_s(clerks: Clerks) -> dict[int, float]:
    """Return, by chain id, after how many seconds a reading is stale."""
    with clerks.ledger.read() as session:
        law = standings.law(session)
    found = {}
    for name, chain_settings in clerks.settings.chains.items():
        chain = law.chain(name) if law else None
        if chain is not None:
            found[chain.chain_id] = chain_settings.stale_after_s
    return found
