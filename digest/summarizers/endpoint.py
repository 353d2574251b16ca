"""Chat services that speak as OpenAI's does: "openai:MODEL@URL", over HTTP or HTTPS.

The HTTP itself is done by whoever makes this (`Post`). What is decided here: what to ask, what an
answer means, whom to leave alone for how long, and when to stop asking at all.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from digest.errors import DigestError, Permanent, Temporary
from digest.models.service import KEY, Answer, Post, parsed
from digest.summarizers import Options, Summarizer, Text, prompts

TRIES = 3  #: of one paper
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0  #: whoever asks for more patience is asked again in the next run
FAILED_PAPERS = 3  #: one after the other, and the service is left alone for this run
CHARACTERS_PER_TOKEN = 3  #: for services that do not count, and before they have
MAX_ABSTRACT = 20_000  #: characters; more is no abstract

PATH = "/chat/completions"
#: Parameters that some models refuse, and what to say instead.
_REFUSABLE = {"max_tokens": "max_completion_tokens", "temperature": "", "seed": ""}

#: A part of a path that may be an account or a key, which no mail should show.
_LONG = re.compile(r"[^/]{16,}")


def _shortened(part: re.Match[str]) -> str:
    return hashlib.sha256(part[0].encode()).hexdigest()[:8]


class Endpoint(Summarizer):
    """Asks a chat service, some papers at a time, and stops where asking on makes no sense."""

    def __init__(
        self,
        name: str,
        options: Options,
        post: Post,
        *,
        key: str = "",
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._model, url = parsed(name, PATH)
        parts = urlsplit(url)
        self._host = parts.netloc
        self._place = self._host + _LONG.sub(_shortened, parts.path.removesuffix(PATH)).rstrip("/")
        self._options = options
        self._prompt = options.prompt or prompts.newest()
        self._post = post
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._key = key
        self._sleep = sleep
        self._lock = Lock()
        self._left_out: set[str] = set()  #: parameters that the service has refused
        self._failed_papers = 0
        self._stopped = ""
        self._tokens = 0
        self._cut = 0

    @property
    def id(self) -> str:
        """Model, host and path; a service does not tell its revisions."""
        return f"openai:{self._model}@{self._place}"

    @property
    def prompt_hash(self) -> str:
        """Of the words the model is told."""
        return prompts.prompt_hash(self._prompt, self._options.max_new_tokens)

    @property
    def tokens(self) -> int:
        """What was used so far, questions and answers together."""
        return self._tokens

    @property
    def warnings(self) -> Sequence[str]:
        """Why it is not asked any more, and how many abstracts it did not see the whole of."""
        stopped = (f"{self.id}: {self._stopped}",) if self._stopped else ()
        were = "abstract was" if self._cut == 1 else "abstracts were"
        cut = f"{self._cut} {were} longer than {MAX_ABSTRACT:,} characters, and cut"
        return (*stopped, cut) if self._cut else stopped

    def summarize(self, texts: Sequence[Text]) -> list[str | DigestError]:
        """One summary each, or why there is none.

        Shapes: same length and order as `texts`.
        """
        if not texts:
            return []
        with ThreadPoolExecutor(min(self._options.concurrency, len(texts))) as pool:
            return list(pool.map(self._one, texts))

    def _one(self, text: Text) -> str | DigestError:
        if not text.abstract.strip():
            return ""
        if len(text.abstract) > MAX_ABSTRACT:
            text = Text(text.title, text.abstract[:MAX_ABSTRACT])
            with self._lock:
                self._cut += 1
        prompt = prompts.filled(self._prompt, text, self._options.language)
        try:
            said = self._asked(prompt)
        except Permanent as why:  # of this paper; the service did answer
            self._has_answered()
            return why
        except Temporary as why:
            self._has_failed(str(why))
            return why
        self._has_answered()
        return said

    def _asked(self, prompt: str) -> str:
        """What the model says, after as many tries as make sense."""
        wait_s = 0.0
        for tried in range(1, TRIES + 1):
            if wait_s:
                self._sleep(wait_s)
            wait_s = min(FIRST_WAIT_S * 2.0 ** (tried - 1), LONGEST_WAIT_S)
            try:
                answer = self._counted(prompt)
                if answer.status == 200:
                    return content(answer.body)
                error = self._problem(answer)
            except Temporary as why:
                if isinstance(why, _Pointless):
                    raise
                if tried == TRIES:
                    raise Temporary(f"{why}; is the service at {self._host} running?") from why
                continue
            asked_s = answer.retry_after_s or 0.0
            if tried == TRIES or isinstance(error, Permanent) or asked_s > LONGEST_WAIT_S:
                raise error
            wait_s = max(wait_s, asked_s)
        raise AssertionError("the last try returns or raises")

    def _counted(self, prompt: str) -> Answer:
        """One exchange, its tokens reserved before and counted after."""
        most = len(prompt) // CHARACTERS_PER_TOKEN + self._options.max_new_tokens
        with self._lock:
            if self._stopped:
                raise _Pointless(self._stopped)
            if self._tokens + most > self._options.tokens_per_run:
                self._stopped = (
                    f"the {self._options.tokens_per_run:,} tokens of this run are used up"
                    " (tokens_per_run under [summarize])"
                )
                raise _Pointless(self._stopped)
            self._tokens += most
        answer = self._adapted(prompt)
        used = tokens_used(answer.body) if answer.status == 200 else 0
        with self._lock:
            # What was asked for in vain may cost something too, so it stays reserved.
            self._tokens += (most if used is None else used) - most
        return answer

    def _adapted(self, prompt: str) -> Answer:
        """The answer to a question without what the model has refused to be told."""
        while True:
            left_out = set(self._left_out)
            answer = self._post(self._headers, self._question(prompt, left_out))
            refused = refused_parameter(answer.body) if answer.status == 400 else ""
            if not refused or refused in left_out:
                return answer
            self._left_out.add(refused)

    def _question(self, prompt: str, left_out: set[str]) -> bytes:
        asked: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
        }
        limits = {"temperature": 0, "seed": 1, "max_tokens": self._options.max_new_tokens}
        for name, value in limits.items():
            if name := _REFUSABLE[name] if name in left_out else name:
                asked[name] = value
        # Half a surrogate pair cannot be sent as UTF-8; escaped it can.
        return json.dumps(asked).encode("ascii")

    def _problem(self, answer: Answer) -> DigestError:
        """What an answer that is none means. Some say that nobody needs to ask on."""
        said = self._words(answer.body)
        status = f"{self._host} answered {answer.status}" + (f", {said!r}" if said else "")
        if answer.status == 413 or (answer.status == 400 and "context" in said.lower()):
            return Permanent(status)
        hopeless = {
            401: f"it does not take the key; put one into {KEY}",
            403: f"the key may not use {self._model!r}; put one that may into {KEY}",
            404: f"it knows no model {self._model!r}, or the address is wrong",
        }
        if why := hopeless.get(answer.status) or (
            "that is a redirect; name the address it leads to" if 300 <= answer.status < 400 else ""
        ):
            with self._lock:
                self._stopped = self._stopped or f"{status}: {why}"
            raise _Pointless(self._stopped)
        if answer.status in (408, 409, 425, 429) or answer.status >= 500:
            return Temporary(status)
        raise _Pointless(status)  # a fault in the question, which is the same next time

    def _words(self, body: bytes) -> str:
        """What an error says of itself, short and without the key."""
        try:
            said = json.loads(body)
            found = said.get("error", said) if isinstance(said, dict) else said
            words = found.get("message", "") if isinstance(found, dict) else found
        except (ValueError, RecursionError):
            words = body.decode("utf-8", "replace")
        words = words if isinstance(words, str) else ""
        if self._key:
            words = words.replace(self._key, "…")
        # Services quote the key they refuse, some with its middle starred out.
        words = re.sub(r"\b(?:sk|key)-[\w*.-]{6,}", "…", words)
        return " ".join("".join(c if c.isprintable() else " " for c in words).split())[:200]

    def _has_answered(self) -> None:
        with self._lock:
            self._failed_papers = 0

    def _has_failed(self, why: str) -> None:
        with self._lock:
            self._failed_papers += 1
            if self._failed_papers >= FAILED_PAPERS and not self._stopped:
                self._stopped = f"{FAILED_PAPERS} papers failed one after the other, last: {why}"


class _Pointless(Temporary):
    """Asking again in this run would bring the same."""


def content(body: bytes) -> str:
    """The text of an answer.

    Raises: Temporary where it is no answer or was cut; Permanent where the model says nothing.
    """
    try:
        choice = json.loads(body)["choices"][0]
        message, end = choice["message"], choice.get("finish_reason")
        said = message.get("content")
        refusal = message.get("refusal")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as why:
        raise Temporary("the answer is not that of a chat service") from why
    if isinstance(said, list):  # parts of text
        said = "".join(str(p.get("text") or "") for p in said if isinstance(p, dict))
    if not isinstance(said, str | None):
        raise Temporary("the answer is not text")
    if end == "content_filter":
        raise Permanent("the service's filter withheld the answer")
    if end == "length":
        raise Permanent("the answer was cut off; raise max_new_tokens under [summarize]")
    if not (words := prompts.cleaned(said or "")):
        raise Permanent("the model refused" if refusal else "the model said nothing")
    return words


def tokens_used(body: bytes) -> int | None:
    """What the service says it took, if it says something that can be.

    >>> tokens_used(b'{"usage": {"total_tokens": 12}}'), tokens_used(b'{"usage": -1}')
    (12, None)
    """
    try:
        used = json.loads(body)["usage"]["total_tokens"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    is_count = isinstance(used, int) and not isinstance(used, bool) and 0 < used < 10**9
    return used if is_count else None


def refused_parameter(body: bytes) -> str:
    r"""The parameter that a 400 complains of, if we can do without it.

    >>> refused_parameter(b'{"error": {"message": "Unsupported parameter: max_tokens"}}')
    'max_tokens'
    """
    said = body[:2000].decode("utf-8", "replace").lower()
    if not re.search(r"unsupported|not support|unknown|unrecognized|not permitted", said):
        return ""
    return next((name for name in _REFUSABLE if re.search(rf"\b{name}\b", said)), "")
