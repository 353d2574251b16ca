"""`make model`: python -m digest.training DATA [WORK [FOLDER]]."""

import sys
from pathlib import Path

from digest.errors import DigestError
from digest.models import MODEL
from digest.training.recipe import make

if __name__ == "__main__":
    data, work, folder = map(
        Path, [*sys.argv[1:], *("", "build/model", MODEL)[len(sys.argv) - 1 :]]
    )
    try:
        make(data, work, folder, lambda line: print(line, flush=True))
    except DigestError as why:
        sys.exit(f"digest.training: {why}")
