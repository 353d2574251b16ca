"""The files of a model: in the Hub's cache, fetched from it, or in a folder of one's own.

What a repository brings as code is never run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from digest.errors import BadConfig, Misuse

OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
PIECE_BYTES = 65_536
_NAME = re.compile(r"(?:[\w.-]+/)?[\w.-]+")
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


class Repository:
    """Loads what is in it; whatever fails says what to do."""

    def __init__(self, name: str, part: str = "summarizer") -> None:
        """`part` is what errors call it: summarizer or encoder."""
        self._name = name
        self._part = part
        self._folder = _folder(name, part)
        if not name or (not self._folder and not _NAME.fullmatch(name)):
            raise BadConfig(f"{self._plugin} is not like 'hub:ORG/NAME' or 'hub:./FOLDER'")

    def check_torch(self) -> None:
        """Say that PyTorch is missing before there is work to lose.

        Raises: BadConfig
        """
        if not find_spec("torch"):
            raise BadConfig(
                f"{self._plugin} needs PyTorch, which takes a gigabyte: pip install torch,"
                " or without a GPU: pip install torch"
                " --index-url https://download.pytorch.org/whl/cpu"
            )

    @property
    def _plugin(self) -> str:
        return f"{self._part} 'hub:{self._name}'"

    def load(self, kind: str, **settings: Any) -> Any:
        """What one of transformers' classes makes of the files.

        Raises: BadConfig, with the command that gets them; Misuse where memory is too small.
        """
        import transformers

        logging: Any = transformers.logging
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        make: Callable[..., Any] = getattr(transformers, kind).from_pretrained
        try:
            return make(str(self._folder or self._name), trust_remote_code=False, **settings)
        except ImportError as why:  # a tokenizer or model that needs one more package
            raise self._unusable(why) from why
        except OSError as why:
            raise self._missing(str(why)) from why
        except Exception as why:  # damaged files end in whatever error their reader has
            if isinstance(why, MemoryError) or OUT_OF_MEMORY.search(str(why)):
                raise Misuse(
                    f"{self._plugin} does not fit into memory; take a smaller model"
                ) from why
            raise self._unusable(why) from why

    def file(self, name: str) -> Path | None:
        """One more of its files, where it is in the folder or the cache already."""
        if self._folder:
            return self._folder / name if (self._folder / name).is_file() else None
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self._name, name)
        return Path(found) if isinstance(found, str) else None

    @property
    def revision(self) -> str:
        """The name with the commit that is in the cache, or with a hash of the folder's files."""
        if self._folder:
            return f"{self._folder.name}@{fingerprint(self._folder)}"
        from huggingface_hub import try_to_load_from_cache

        # The cache keeps each commit in a folder of that name.
        file = try_to_load_from_cache(self._name, "config.json")
        return (
            f"{self._name}@{Path(file).parent.name[:12]}" if isinstance(file, str) else self._name
        )

    def check_weights(self) -> None:
        """Say that there are none before there is work to lose; online they are fetched later.

        Raises: BadConfig
        """
        if self._folder:
            if not any((self._folder / name).is_file() for name in _WEIGHTS):
                raise self._missing("no model.safetensors")
        elif _is_offline():
            from huggingface_hub import try_to_load_from_cache

            if not any(isinstance(try_to_load_from_cache(self._name, n), str) for n in _WEIGHTS):
                raise self._missing()

    def _unusable(self, why: Exception) -> BadConfig:
        if self._folder and not (self._folder / "config.json").is_file():
            return self._missing("no config.json")
        if "trust_remote_code" in str(why):
            return BadConfig(
                f"{self._plugin} comes with code of its own, which is never run;"
                " take a model that transformers itself knows"
            )
        said = (str(why).strip().splitlines() or [""])[0]
        return BadConfig(f"{self._plugin} cannot be loaded: {type(why).__name__}: {said}")

    def _missing(self, why: str = "") -> BadConfig:
        said = (why.strip().splitlines() or [""])[0]
        if self._folder:
            return BadConfig(
                f"{self._plugin}: {self._folder} holds no whole model ({said}); it needs"
                " config.json, the tokenizer's files and model.safetensors"
            )
        if "gated" in why:
            return BadConfig(
                f"{self._plugin} is not open to everybody: ask for it at"
                f" https://huggingface.co/{self._name}, then: hf auth login"
            )
        if _is_offline():
            said = "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, so it was not asked for"
        return BadConfig(
            f"{self._plugin} is not on this machine and could not be fetched ({said});"
            f" with a network: hf download {self._name}"
        )


def _folder(name: str, part: str) -> Path | None:
    """The folder that a name stands for, if it is not one of the Hub's."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path.resolve()
    if name.startswith((".", "/", "~")):
        raise BadConfig(f"{part} 'hub:{name}': there is no folder {path}")
    return None


def _is_offline() -> bool:
    from huggingface_hub import is_offline_mode

    return bool(is_offline_mode())


def fingerprint(folder: Path) -> str:
    """What stands for the files of a model: their sizes, and pieces of the big ones.

    A model that was trained on has other numbers everywhere, so pieces tell it from what it was.
    """
    found = hashlib.sha256()
    kinds = {".json", ".safetensors", ".bin", ".model", ".txt", ".jinja"}
    for file in sorted(path for path in folder.iterdir() if path.suffix in kinds):
        size = file.stat().st_size
        found.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as content:
            for place in sorted({size * part // 16 for part in range(16)} | {size - PIECE_BYTES}):
                content.seek(max(0, place))
                found.update(content.read(PIECE_BYTES))
    return found.hexdigest()[:12]
