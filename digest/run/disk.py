"""disk(): how much room everything takes that grows, and how much is left."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from digest.run.setup import Setup


def disk(setup: Setup) -> dict[str, int | None]:
    """Bytes of what grows, and what is free for it; None: that is not on this machine."""
    config = setup.config
    store, log = setup.store.size()
    home = setup.store.file.parent if setup.store.file else config.outbox
    return {
        "store": store,
        "write_ahead_log": log,
        "copies": sum(_size(path) for path in setup.store.copies()),
        "outbox": _tree(config.outbox),
        "logs": _logs(config.log.file),
        "free": _free(home),
    }


def _logs(file: Path | None) -> int:
    return sum(_size(one) for one in file.parent.glob(f"{file.name}*")) if file else 0


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _tree(folder: Path) -> int:
    """The bytes of all files below; nothing is read of them, and no link is followed."""
    total, folders = 0, [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for one in entries:
                    if one.is_dir(follow_symlinks=False):
                        folders.append(Path(one.path))
                    else:
                        total += one.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total


def _free(place: Path) -> int | None:
    """What is free where a folder is, or will be."""
    for folder in (place, *place.parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None
