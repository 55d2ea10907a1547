"""`python -m hsm --config signer.toml`."""

from __future__ import annotations

import sys

from hsm.server import main

if __name__ == "__main__":
    sys.exit(main())
