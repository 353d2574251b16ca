"""A month of arXiv's days with all that goes wrong: what a digest sends, and what it says of it.

    python tests/bench/month.py

Nothing is measured: it is for people to read, and tests/golden/arxiv-month.txt keeps it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import arxiv_month
from month import log

from digest.sources import arxiv

for make, server in (
    (arxiv_month.summer, arxiv_month.summer_server()),
    (arxiv_month.winter, arxiv_month.winter_server()),
):
    arxiv.PACE_S = 0.0  # nobody is at the other end
    with tempfile.TemporaryDirectory() as folder, server:
        os.environ["DIGEST_STATE_FOLDER"] = str(Path(folder, "state"))
        month, days = make(Path(folder), server)
        print(log(month, days))
        month.setup.store.close()
