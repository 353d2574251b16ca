"""digest.toml and the environment → one frozen value, read once, at the door."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from digest import consent, library, match, plan, tokens
from digest.encoders import EMBEDDED
from digest.errors import BadConfig, Misuse
from digest.sources import BUILTIN, NEEDS_CATEGORIES, REQUIRED, SETTINGS
from digest.sources.categories import is_category
from digest.summarizers import EXTRACT, Options, prompts
from digest.types import Format, Masthead

FILE = "digest.toml"
_SERVED = "DIGEST_SERVED"
#: Kinds whose papers carry arXiv's categories or none.
ARXIV_ONLY = frozenset({"arxiv", "huggingface", "feed", "sample"})
#: Less than the day between two issues, so that a draft nobody looks at does not hold up the next.
REVIEW_HOURS = 12
ALL_PAPERS = "all.html"  #: the outbox's page of an issue that is longer than its mail


def _address(value: str) -> str:
    """An address in its normal form, the domain in ASCII."""
    try:
        return consent.address(value)
    except Misuse as why:
        raise ValueError(f"{value!r}: {why}") from why


def _sender(value: str) -> str:
    """A From header: a name and an address, or an address alone."""
    if not value:
        return value
    name, address = parseaddr(_line(value))
    address = _address(address or value)
    return f'"{_unquoted(name)}" <{address}>' if name else address


def _inbox(value: str) -> str:
    """An address that has room for a plus sign and a token before its @."""
    address = _address(value)
    local = address.rpartition("@")[0]
    most = 64 - 1 - tokens.LENGTH
    if "+" in local or len(local) > most:
        raise ValueError(
            f"{value!r}: what stands before the @ may have {most} letters and no plus sign, since"
            " answers come to NAME+TOKEN@…"
        )
    return address


def _unquoted(name: str) -> str:
    return name.replace("\\", "").replace('"', "")


def _line(value: str) -> str:
    if any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in value):
        raise ValueError("control characters and line breaks are not allowed")
    return value.strip()


def _language(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise ValueError(f"{value!r} is not the code of a language; they are like 'en' or 'pt-BR'")
    return value


def _url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise ValueError(f"{value!r} is not an http(s) address")
    return value.rstrip("/")


def _long_enough(value: int) -> int:
    if value and not 60 <= value <= 36_500:
        raise ValueError(f"{value} is not 0 (for ever) and not a number of days from 60 to 36500")
    return value


Address = Annotated[str, AfterValidator(_address)]
Line = Annotated[str, AfterValidator(_line)]
Url = Annotated[str, AfterValidator(_url)]


Days = Annotated[int, AfterValidator(_long_enough)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Operator(_Part):
    """Who runs this; stands in every footer."""

    name: Line = ""
    address: Line = ""
    contact: Annotated[str, AfterValidator(lambda value: value and _address(value))] = ""
    alert_after: int = Field(default=3, ge=0, le=1000)  #: slots in a row without an issue; 0: never


class Fetch(_Part):
    """How to ask the services."""

    allow_hosts: tuple[str, ...] = ()
    deadline_s: float = Field(default=120, gt=0, le=3600)


class SmtpServer(_Part):
    """One mail server."""

    host: Line = "localhost"
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Line = ""
    connections: int = Field(default=10, ge=1, le=200)
    weight: int = Field(default=1, ge=0, le=1000)  #: 0: only when all others are down
    per_second: float | None = Field(default=None, gt=0)


class Smtp(SmtpServer):
    """The mail server, or several instead of it; what is true of all."""

    servers: dict[str, SmtpServer] = {}
    ca_file: Path | None = None  #: instead of the system's certificates
    domains: dict[str, Annotated[float, Field(gt=0)]] = {}  #: mails a second to one
    overall: float | None = Field(default=None, gt=0)  #: mails a second, through all servers
    timeout_s: float = Field(default=300, gt=0, le=3600)  #: for each reply
    in_doubt: Literal["hold", "resend"] = "hold"
    sendmail: tuple[str, ...] = ("/usr/sbin/sendmail",)  #: the command of that transport


class Dkim(_Part):
    """What mails are signed with."""

    selector: Annotated[str, AfterValidator(_line)] = ""
    domain: Line = ""  #: else that of the sender
    key: Path = Path("dkim.pem")


class Web(_Part):
    """The pages where people subscribe."""

    host: Line = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    hops: int = Field(default=0, ge=0, le=10)
    language: Annotated[str, AfterValidator(lambda value: value and _language(value))] = ""
    metrics: bool = False  #: /metrics, for who watches; your proxy should not let others see it


class Log(_Part):
    """What is said on standard error, or in a file that is begun anew when it is full."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    file: Path | None = None
    max_mb: float = Field(default=10, gt=0, le=10_000)
    files: int = Field(default=5, ge=1, le=1000)  #: full ones that are kept


class Limits(_Part):
    """What strangers can make us do in an hour."""

    per_network: int = Field(default=30, ge=1)
    per_domain: int = Field(default=500, ge=1)
    overall: int = Field(default=2000, ge=1)


class Inbox(_Part):
    """Where mail for us arrives. Answers come to `address` with a token behind a plus sign."""

    address: Annotated[str, AfterValidator(lambda value: value and _inbox(value))] = ""
    host: Line = ""
    port: int = Field(default=993, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "tls"
    user: Line = ""
    folder: Line = "INBOX"
    lmtp_port: int = Field(default=8024, ge=1, le=65535)


class Keep(_Part):
    """For how many days things are kept once they are not needed any more."""

    unconfirmed_days: int = Field(default=30, ge=4, le=3650)
    requests_days: int = Field(default=30, ge=4, le=3650)
    # Where there is a 0, for ever. Readers may be owed what is younger than about two months.
    papers_days: Days = 400  #: those that were in no issue
    vectors_days: Days = 100
    reports_days: Days = 400  #: of runs, with their slots
    deliveries_days: Days = 400  #: who was sent what; who forgets it sends these papers to nobody
    issues_days: Days = 0  #: the archive
    outbox_days: Days = 400  #: files of mails and pages


class Summarize(_Part):
    """How to ask the summarizers that write by themselves."""

    batch: int = Field(default=Options.batch, ge=1, le=256)
    max_new_tokens: int = Field(default=Options.max_new_tokens, ge=8, le=32_000)
    concurrency: int = Field(default=Options.concurrency, ge=1, le=64)
    timeout_s: float = Field(default=Options.timeout_s, gt=0, le=3600)
    tokens_per_run: int = Field(default=Options.tokens_per_run, ge=1)


class Source(BaseModel):
    """Where papers come from; the other keys are the source's own."""

    model_config = ConfigDict(frozen=True, extra="allow")
    kind: str = ""


class Digest(_Part):
    """One recurring publication."""

    title: Line = ""
    topics: tuple[Line, ...] = ()
    exclude: tuple[Line, ...] = ()
    categories: tuple[Line, ...] = ()
    authors: tuple[Line, ...] = ()
    papers_like: tuple[Line, ...] = ()
    sources: tuple[str, ...] = Field(min_length=1)
    schedule: str = ""
    timezone: str = "UTC"
    missed: Literal["latest", "none", "all"] = "latest"  #: which slots are made up for
    wait_hours: float = Field(default=6, ge=0, le=72)  #: for a source that is late
    send_empty: bool = False  #: readers are told, too, why there is nothing
    papers: int = Field(default=20, ge=1, le=100)
    per_source: int | None = Field(default=None, ge=1)
    per_section: int | None = Field(default=None, ge=1)
    review: bool = False
    review_hours: int = Field(default=REVIEW_HOURS, ge=1, le=14 * 24)
    format: Format = "html"
    revised: bool = False
    sender: Annotated[Line, AfterValidator(_sender)] = Field(default="", alias="from")
    to: tuple[Address, ...] = ()

    @field_validator("topics", "exclude")
    @classmethod
    def _readable(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for topic in topics:
                match.parse_topic(topic)
        except Misuse as why:
            raise ValueError(str(why)) from why
        return topics

    @field_validator("schedule")
    @classmethod
    def _when(cls, words: str) -> str:
        try:
            if words:
                plan.parse_schedule(words, "UTC")
        except Misuse as why:
            raise ValueError(str(why)) from why
        return words

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError) as why:
            raise ValueError(
                f"{name!r} is not a time zone; they are named like 'Europe/Paris'"
            ) from why
        return name

    @field_validator("to")
    @classmethod
    def _once(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(addresses))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not (self.topics or self.categories or self.authors or self.papers_like):
            raise ValueError(
                "says nothing of what it is about; give it topics, categories, authors"
                " or papers_like"
            )
        return self

    @property
    def interest(self) -> match.Interest:
        """What decides which papers belong to it."""
        return match.Interest(
            topics=tuple(match.parse_topic(t) for t in self.topics),
            exclude=tuple(match.parse_topic(t) for t in self.exclude),
            categories=self.categories,
            authors=self.authors,
            like=self.papers_like,
        )

    @property
    def definition(self) -> str:
        """All that decides which papers belong to it, as one string."""
        said = (self.topics, self.exclude, self.categories, self.authors, self.sources)
        # Who names no papers has the definition that she had before there was that.
        return repr((*said, self.papers_like) if self.papers_like else said)


class Config(_Part):
    """The whole configuration. `store` and `outbox` are absolute once it is made."""

    base_url: Url = ""
    store: str = "sqlite:///digest.db"
    outbox: Path = Path("outbox")
    templates: Path = Path("templates")
    transport: str = "outbox"
    summarizer: str = EXTRACT
    encoder: str = EMBEDDED
    language: Annotated[str, AfterValidator(_language)] = "en"
    prompt: Path | None = None
    keys: Path = Path("digest.keys")
    web: Web = Web()
    log: Log = Log()
    limits: Limits = Limits()
    inbox: Inbox = Inbox()
    keep: Keep = Keep()
    operator: Operator = Operator()
    fetch: Fetch = Fetch()
    smtp: Smtp = Smtp()
    dkim: Dkim = Dkim()
    summarize: Summarize = Summarize()
    digests: dict[str, Digest] = {}
    sources: dict[str, Source] = {}

    @model_validator(mode="after")
    def _sources_are_known(self) -> Self:
        for name, source in self.sources.items():
            _check_source(name, source)
        for name, digest in self.digests.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
                raise ValueError(
                    f"[digests.{name}]: a digest's name is made of a-z, 0-9 and -, like 'my-papers'"
                )
            for asked in digest.sources:
                try:
                    kind = self.kind(asked)
                except ValueError as why:
                    raise ValueError(f"[digests.{name}] sources: {why}") from why
                if kind in NEEDS_CATEGORIES:
                    self._check_categories(name, digest)
                if kind in NEEDS_CATEGORIES and not digest.categories:
                    raise ValueError(
                        f"[digests.{name}] reads {asked!r} but names no categories;"
                        ' add some, like categories = ["cs.CL", "cs.LG"]'
                    )
        return self

    def _check_categories(self, name: str, digest: Digest) -> None:
        """A misspelled category would be a quiet day for ever."""
        # bioRxiv and plug-ins have categories of their own.
        if any(self.kind(source) not in ARXIV_ONLY for source in digest.sources):
            return
        for category in digest.categories:
            if not is_category(category):
                raise ValueError(
                    f"[digests.{name}] categories: {category!r} is not one of arXiv's;"
                    " they are like 'cs.CL'"
                )

    def kind(self, source: str) -> str:
        """What kind of source a name stands for."""
        if source in self.sources:
            return self.sources[source].kind or source
        if source in BUILTIN and source not in REQUIRED:
            return source
        known = sorted({*self.sources, *(k for k in BUILTIN if k not in REQUIRED)})
        raise ValueError(
            f"source {source!r} is not known; there are {', '.join(known)},"
            f" or describe your own under [sources.{source}]"
        )

    def settings(self, source: str) -> dict[str, Any]:
        """What a source's table says, less its kind."""
        table = self.sources.get(source)
        return dict(table.model_extra or {}) if table else {}

    def title(self, name: str) -> str:
        """A digest's title, or its name made one."""
        return self.digests[name].title or name.replace("-", " ").capitalize()

    @property
    def pages_url(self) -> str:
        """Where the pages are: `base_url`, or else this machine as `digest serve` shows them."""
        return self.base_url or f"http://127.0.0.1:{self.web.port}"

    @property
    def words_language(self) -> str:
        """What pages and notices are written in: a model may write summaries in another."""
        return self.web.language or self.language

    @property
    def notices_from(self) -> str:
        """Whom mails are from that are no issues: another address than issues have."""
        return self.inbox.address or self.operator.contact or "digest@localhost"

    @property
    def options(self) -> Options:
        """What a summarizer that writes by itself is told."""
        prompt = prompts.own(self.prompt) if self.prompt else ""
        return Options(language=self.language, prompt=prompt, **self.summarize.model_dump())

    def masthead(self, name: str) -> Masthead:
        """What stands around the papers of a digest."""
        contact = self.operator.contact or "digest@localhost"
        return Masthead(
            title=self.title(name),
            operator=self.operator.name,
            address=self.operator.address,
            contact=self.operator.contact,
            sender=self.digests[name].sender or f'"{_unquoted(self.title(name))}" <{contact}>',
            base_url=self.base_url,
            inbox=self.inbox.address,
            more_at=ALL_PAPERS if self.transport == "outbox" and not self.base_url else "",
        )


class _Surrounded(BaseSettings, Config):
    """The same, and what the environment says comes first."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="DIGEST_", env_nested_delimiter="__"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file, and nothing else."""
        return env_settings, init_settings


def _check_source(name: str, source: Source) -> None:
    kind = source.kind or name
    if kind not in BUILTIN and ":" not in kind:
        known = ", ".join(sorted(BUILTIN))
        raise ValueError(
            f"[sources.{name}]: kind {kind!r} is not known; there are {known},"
            " or your own as 'package.module:factory'"
        )
    if kind not in BUILTIN:
        return
    given = source.model_extra or {}
    for key in sorted(given.keys() - SETTINGS[kind]):
        raise ValueError(f"[sources.{name}]: " + _unknown(key, SETTINGS[kind] | {"kind"}))
    for key in sorted(REQUIRED.get(kind, frozenset()) - given.keys()):
        raise ValueError(f'[sources.{name}]: {key} is missing; add {key} = "https://…"')
    for key, value in given.items():
        if not isinstance(value, str) or not value:
            raise ValueError(f"[sources.{name}] {key}: {value!r} should be words in quotes")
        if key in ("url", "rss", "api"):
            try:
                _url(value)
            except ValueError as why:
                raise ValueError(f"[sources.{name}] {key}: {why}") from why


# --- loading -------------------------------------------------------------------------------------


def find(asked: Path | None) -> Path:
    """The file to read: the one asked for, ./digest.toml, or the one in the user's folder.

    Raises: BadConfig when there is none.
    """
    if asked is not None:
        if not asked.is_file():
            raise BadConfig(f"{asked} is not there; `digest init` writes one")
        return asked
    from platformdirs import user_config_path

    places = [Path(FILE), user_config_path("digest") / FILE]
    for place in places:
        if place.is_file():
            return place
    raise BadConfig(
        f"there is no {FILE} here, nor at {places[1]}; `digest init` writes one that works at once"
    )


def load(file: Path) -> Config:
    """Read a configuration.

    Raises: BadConfig, naming the file, the key, and what is wrong with it.
    """
    try:
        # Some editors put a byte order mark before the first line; it means nothing.
        tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise BadConfig(f"{file} is not TOML: {why}") from why
    except OSError as why:
        raise BadConfig(f"{file} cannot be read: {why.strerror}") from why
    return _made(_Surrounded, tables, file)


def make(tables: dict[str, Any], file: Path) -> Config:
    """The configuration that tables alone make, relative to the folder of a file."""
    return _made(Config, tables, file)


def _made(kind: type[Config], tables: dict[str, Any], file: Path) -> Config:
    try:
        config = kind(**tables)
    except ValidationError as why:
        lines = dict.fromkeys(f"{file}: {line}" for line in _lines(why))
        raise BadConfig("\n".join(lines)) from why
    except SettingsError as why:
        raise BadConfig(f"a DIGEST_ variable of the environment: {why}") from why
    home = file.resolve().parent
    moved: dict[str, Any] = {
        "store": _beside(config.store, home),
        "outbox": home / config.outbox,
        "templates": home / config.templates,
        "keys": home / config.keys,
        "smtp": config.smtp.model_copy(
            update={"ca_file": config.smtp.ca_file and home / config.smtp.ca_file}
        ),
        "dkim": config.dkim.model_copy(update={"key": home / config.dkim.key}),
        "log": config.log.model_copy(update={"file": config.log.file and home / config.log.file}),
        "summarizer": _beside_model(config.summarizer, home),
        "encoder": _beside_model(config.encoder, home),
    }
    moved["digests"] = {
        name: one.model_copy(update={"papers_like": _beside_libraries(one.papers_like, home)})
        for name, one in config.digests.items()
    }
    if config.prompt:
        moved["prompt"] = home / config.prompt
        prompts.own(moved["prompt"])
    return config.model_copy(update=moved)


def _beside(store: str, home: Path) -> str:
    prefix = "sqlite:///"
    is_relative = store.startswith(prefix) and not store.startswith(f"{prefix}/")
    return f"{prefix}{home / store.removeprefix(prefix)}" if is_relative else store


def _beside_libraries(like: Iterable[str], home: Path) -> tuple[str, ...]:
    return tuple(
        str(home / Path(one).expanduser()) if one.lower().endswith(library.ENDINGS) else one
        for one in like
    )


def _beside_model(summarizer: str, home: Path) -> str:
    """A model's folder is beside the file; one for the Hub's loader when it says "./"."""
    prefix, _, place = summarizer.partition(":")
    if prefix == "embedded" and place:
        return f"embedded:{home / Path(place).expanduser()}"
    is_relative = prefix == "hub" and place.startswith(("./", "../"))
    return f"hub:{home / place}" if is_relative else summarizer


#: How many steps lead to a table: [fetch], [digests.NAME].
_TABLES: dict[str, type[BaseModel]] = {
    "operator": Operator,
    "fetch": Fetch,
    "smtp": Smtp,
    "dkim": Dkim,
    "summarize": Summarize,
    "web": Web,
    "limits": Limits,
    "inbox": Inbox,
    "keep": Keep,
    "log": Log,
    "digests": Digest,
}
_DEPTHS = dict.fromkeys(_TABLES, 1) | {"digests": 2, "sources": 2}
#: What our validation calls things by names that TOML does not know.
_WORDS = {
    "missing": "is missing; add it",
    "too_short": "is empty; name at least one",
    "tuple_type": 'should be a list, like ["…"]',
    "string_type": "should be words in quotes",
    "dict_type": "should be a table",
    "model_type": "should be a table",
}


def _lines(error: ValidationError) -> Iterator[str]:
    """An error's parts in the words of the file."""
    for part in error.errors():
        place = [str(step) for step in part["loc"]]
        depth = _DEPTHS.get(place[0], 0) if place else 0
        table, key = place[:depth], "".join(place[depth : depth + 1])
        where = f"[{'.'.join(table)}] " if table else ""
        if part["type"] == "extra_forbidden":
            yield where + _unknown(key, _keys(table))
            continue
        cause = part.get("ctx", {}).get("error") or _WORDS.get(part["type"])
        why = str(cause or part["msg"].replace("Input should", "should"))
        yield f"{where}{key}: {why}" if key else where + why


def _unknown(key: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
    return f"unknown key {key!r}; {hint}"


def _keys(place: list[str]) -> list[str]:
    fields = (
        _TABLES[place[0]].model_fields if place and place[0] in _TABLES else Config.model_fields
    )
    return [field.alias or name for name, field in fields.items()]


def state_folder() -> Path:
    """Where the pace of the services is kept, for all processes of the user."""
    from platformdirs import user_state_path

    given = os.environ.get("DIGEST_STATE_FOLDER")
    return Path(given) if given else user_state_path("papers-digest")


def environment(port: int | None = None) -> dict[str, str]:
    """That of a process of ours that makes mails: their links lead to pages at a port."""
    own = {"DIGEST_WEB__PORT": str(port)} if port else {}
    return {**os.environ, **own, _SERVED: "1"}


def is_served() -> bool:
    """Did `digest serve` or `digest schedule` start this process?"""
    return _SERVED in os.environ


def imap_password() -> str:
    """The password of the mailbox that mail for us is collected from.

    Raises: BadConfig
    """
    found = os.environ.get("DIGEST_IMAP_PASSWORD", "")
    if not found:
        raise BadConfig("DIGEST_IMAP_PASSWORD is not set: the password of the mailbox")
    if re.search("[\\x00\\r\\n]", found):
        raise BadConfig("DIGEST_IMAP_PASSWORD holds a line break")
    return found


def smtp_password(server: str = "") -> str:
    """The password for a mail server; of one among several by its name. Empty: there is none.

    Raises: BadConfig
    """
    own = f"DIGEST_SMTP_PASSWORD_{re.sub('[^A-Z0-9]', '_', server.upper())}"
    names = [own, "DIGEST_SMTP_PASSWORD"] if server else ["DIGEST_SMTP_PASSWORD"]
    name = next((one for one in names if os.environ.get(one)), names[-1])
    found = os.environ.get(name, "")
    if re.search("[\\x00\\r\\n]", found):
        raise BadConfig(f"{name} holds a line break")
    return found


def endpoint_key(url: str) -> str:
    """The key for a chat service.

    OPENAI_API_KEY is in many environments for other reasons: it is not shown to a service that is
    asked without encryption, a model on one's own machine say.

    Raises: BadConfig
    """
    name = "DIGEST_OPENAI_KEY"
    key = os.environ.get(name, "").strip()
    if not key and url.lower().startswith("https:"):
        name = "OPENAI_API_KEY"
        key = os.environ.get(name, "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise BadConfig(f"{name} holds something that no key holds, a space or a letter like 'é'")
    return key
