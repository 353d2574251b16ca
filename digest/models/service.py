"""Services that speak as OpenAI's does: "openai:MODEL@URL", over HTTP or HTTPS.

The HTTP itself is done by whoever hands in a `Post`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from digest.errors import BadConfig

KEY = "DIGEST_OPENAI_KEY"
_NAME = re.compile(r"openai:(?P<model>[^\s]+)@(?P<url>https?://[^\s]+)")


class Answer(Protocol):
    """What came back."""

    @property
    def status(self) -> int:
        """Of HTTP."""

    @property
    def body(self) -> bytes:
        """The whole of it."""

    @property
    def retry_after_s(self) -> float | None:
        """How long the service asks to be left alone."""


#: Headers and content → what came back. Raises: Temporary, Permanent.
Post = Callable[[Mapping[str, str], bytes], Answer]


def parsed(name: str, path: str, part: str = "summarizer") -> tuple[str, str]:
    """The model of "openai:MODEL@URL", and the address to ask. `part` is what errors call it.

    Raises: BadConfig

    >>> parsed("openai:small@http://127.0.0.1:8080/v1/", "/embeddings")
    ('small', 'http://127.0.0.1:8080/v1/embeddings')
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise BadConfig(
            f"{part} {_shown(name)!r} is not like 'openai:MODEL@URL',"
            " say 'openai:llama3@http://localhost:11434/v1'"
        )
    try:
        parts = urlsplit(found["url"])
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        parts, has_port = urlsplit(""), False
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise BadConfig(
            f"{part} {_shown(name)!r}: no user name, password or query in the address;"
            f" the key is taken from the environment, {KEY}"
        )
    if not parts.hostname or not has_port:
        raise BadConfig(f"{part} {name!r}: the address names no host or port there could be")
    address = found["url"].rstrip("/")
    return found["model"], address + ("" if address.endswith(path) else path)


def _shown(name: str) -> str:
    """The name, less what may be a secret in its address.

    >>> _shown("openai:m@https://me:secret@example.org/v1?key=secret")
    'openai:m@https://…@example.org/v1?…'
    """
    return re.sub(r"\?.*", "?…", re.sub(r"//[^/\s]*@", "//…@", name))
