"""Names of plug-ins → what they stand for: "arxiv", or "mylab.feeds:factory" for anyone's own.

Of summarizers there are two kinds more, with an argument in the name: "hub:" and "openai:".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from digest import config, encoders, summarizers
from digest.encoders import Encoder
from digest.errors import BadConfig, Misuse
from digest.summarizers import Options, Summarizer

T = TypeVar("T")


def make(kind: str, plugin: str, builtin: Mapping[str, Callable[..., T]], /, **settings: Any) -> T:
    """The plug-in itself.

    Raises: BadConfig when it cannot be made.
    """
    maker = find(kind, plugin, builtin)
    try:
        return maker(**settings)
    except Misuse:
        raise
    except Exception as why:
        raise BadConfig(f"{kind} {plugin!r} cannot be made: {type(why).__name__}: {why}") from why


def find(kind: str, name: str, builtin: Mapping[str, Callable[..., T]]) -> Callable[..., T]:
    """The maker of a plug-in.

    Raises: BadConfig, naming what there is.
    """
    if name in builtin:
        return builtin[name]
    if ":" not in name:
        known = ", ".join(sorted(builtin))
        raise BadConfig(
            f"{kind} {name!r} is not known; there are {known},"
            " or your own as 'package.module:factory'"
        )
    module, _, attribute = name.partition(":")
    try:
        found: Any = getattr(import_module(module), attribute)
    except Exception as why:  # whatever somebody's own module does while it is imported
        raise BadConfig(f"{kind} {name!r} cannot be loaded: {type(why).__name__}: {why}") from why
    if not callable(found):
        raise BadConfig(f"{kind} {name!r} is not a function that makes one")
    made: Callable[..., T] = found
    return made


def summarizer(name: str, options: Options) -> Summarizer:
    """What a summarizer's name stands for, told what it may be told.

    Raises: BadConfig when it cannot be made, or not with these options.
    """
    if name.startswith("hub:"):
        from digest.summarizers.hub import Hub

        return Hub(name, options)
    if name.startswith("openai:"):
        return _endpoint(name, options)
    if ":" not in name and name not in summarizers.BUILTIN:
        raise BadConfig(
            f"summarizer {name!r} is not known; there are {', '.join(sorted(summarizers.BUILTIN))},"
            " 'embedded:FOLDER', 'hub:ORG/NAME', 'openai:MODEL@URL', or your own as"
            " 'package.module:factory'"
        )
    if options.prompt:
        raise BadConfig(f"summarizer {name!r} takes no prompt; those of hub: and openai: do")
    if name.startswith("embedded:"):
        made = _own_model(name)
    else:
        made = make("summarizer", name, summarizers.BUILTIN)
    if not isinstance(made, Summarizer):
        parts = ("id", "prompt_hash", "extracts", "warnings", "summarize")
        lacks = ", ".join(part for part in parts if not hasattr(made, part))
        raise BadConfig(
            f"summarizer {name!r} lacks {lacks}; derive it from digest.summarizers.Summarizer"
        )
    if made.extracts and options.language != "en":
        raise BadConfig(
            f"language = {options.language!r}: summarizer {name!r} takes its words from the"
            " abstract and cannot translate; a model can: 'hub:ORG/NAME' or 'openai:MODEL@URL'"
        )
    return made


def _own_model(name: str) -> Summarizer:
    from digest.summarizers.embedded import Embedded

    folder = Path(name.partition(":")[2]).expanduser()
    if not (folder / "model.json").is_file():
        raise BadConfig(
            f"summarizer {name!r}: there is no model in {folder.resolve()};"
            " 'digest train FILE --out FOLDER' makes one"
        )
    return Embedded(folder)


def _endpoint(name: str, options: Options) -> Summarizer:
    from digest.fetch.calls import Caller
    from digest.models import service
    from digest.summarizers import endpoint

    _, url = service.parsed(name, endpoint.PATH)
    try:
        caller = Caller(url, timeout_s=options.timeout_s)
    except (ValueError, Misuse) as why:
        raise BadConfig(f"summarizer {name!r}: {why}") from why
    return endpoint.Endpoint(name, options, caller, key=config.endpoint_key(url))


def encoder(name: str, options: Options) -> Encoder:
    """What an encoder's name stands for.

    Raises: BadConfig when it cannot be made.
    """
    if name.startswith("hub:"):
        from digest.encoders.hub import Hub

        return Hub(name)
    if name.startswith("openai:"):
        return _encoder_endpoint(name, options)
    if ":" not in name and name not in encoders.BUILTIN:
        raise BadConfig(
            f"encoder {name!r} is not known; there are {', '.join(sorted(encoders.BUILTIN))},"
            " 'hub:ORG/NAME', 'openai:MODEL@URL', or your own as 'package.module:factory'"
        )
    made = make("encoder", name, encoders.BUILTIN)
    if not isinstance(made, Encoder):
        raise BadConfig(
            f"encoder {name!r} lacks id, encode or parts; derive it from digest.encoders.Encoder"
        )
    return made


def _encoder_endpoint(name: str, options: Options) -> Encoder:
    from digest.encoders import endpoint
    from digest.fetch.calls import Caller
    from digest.models import service

    _, url = service.parsed(name, endpoint.PATH, "encoder")
    try:
        # 64 vectors of some thousand numbers each, as text.
        caller = Caller(url, timeout_s=options.timeout_s, max_bytes=16_000_000)
    except (ValueError, Misuse) as why:
        raise BadConfig(f"encoder {name!r}: {why}") from why
    return endpoint.Endpoint(name, caller, key=config.endpoint_key(url))
