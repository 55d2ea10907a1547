"""The two scenes on this machine: a treasury to play with, and the story that tells itself.

`play` is what `make run` and `make demo` call.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from config.errors import ConfigError
from hsm.errors import HsmError
from treasury.dev.chain.launch import LaunchError
from treasury.dev.children import ChildError, restart_fallen
from treasury.dev.coins import USDC
from treasury.dev.demo import tell_story
from treasury.dev.deployment import Plan
from treasury.dev.guide import print_guide
from treasury.dev.stage import Stage, customers, raised
from treasury.errors import TreasuryError

_WATCH_S = 0.3


def play(scene: str, directory: Path) -> int:
    """Play one scene and return the exit code; whatever happens, nothing is left running."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        # The story needs a thief, who needs a copy of a key; for people to play with there is none.
        imported = ("hot-a",) if scene == "demo" else ()
        with raised(directory.absolute(), Plan(coins=(USDC,), imported=imported)) as stage:
            if scene == "demo":
                return tell_story(stage)
            return _keep_running(stage)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
        return 0 if scene == "run" else 130
    except (TreasuryError, LaunchError, HsmError, ConfigError) as error:
        print(f"treasuryd dev: {error}", file=sys.stderr)
        return 70


def _keep_running(stage: Stage) -> int:
    payouts = customers(stage.deployment, amount="0.05", every_s=2.5)
    stage.others.append(payouts)
    payouts.start()
    print_guide(stage.deployment)
    while True:
        for child in restart_fallen(stage.children):
            print(f"{child.name} stopped and was started again (see {child.log}).")
        for child in stage.children:
            if child.exit_code is not None:
                raise ChildError(f"{child.name} ended for good:\n{child.last_words()}")
        if stage.chain.process.poll() is not None:
            raise ChildError("the development chain ended: everything else stops too")
        time.sleep(_WATCH_S)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
