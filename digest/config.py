"""digest.toml and the environment → one frozen value, read once, at the door."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable
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
)

from digest import match, plan
from digest.errors import BadConfig, Misuse
from digest.sources import BUILTIN, NEEDS_CATEGORIES, REQUIRED, SETTINGS
from digest.types import Format, Masthead

FILE = "digest.toml"
ALL_PAPERS = "all.html"  #: the outbox's page of an issue that is longer than its mail


def _address(value: str) -> str:
    """An address in its normal form, the domain in ASCII."""
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError as why:
        raise ValueError(f"{value!r} is not an e-mail address: {why}") from why
    if found.ascii_email is None:
        raise ValueError(f"{value!r}: only ASCII may stand before the @; few servers take more")
    return found.ascii_email


def _line(value: str) -> str:
    if any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in value):
        raise ValueError("control characters and line breaks are not allowed")
    return value.strip()


def _url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise ValueError(f"{value!r} is not an http(s) address")
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
Line = Annotated[str, AfterValidator(_line)]
Url = Annotated[str, AfterValidator(_url)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Operator(_Part):
    """Who runs this; stands in every footer."""

    name: Line = ""
    address: Line = ""
    contact: Address | Literal[""] = ""


class Fetch(_Part):
    """How to ask the services."""

    allow_hosts: tuple[str, ...] = ()
    deadline_s: float = Field(default=120, gt=0, le=3600)


class Smtp(_Part):
    """The mail server."""

    host: Line = "localhost"
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Line = ""
    connections: int = Field(default=10, ge=1, le=200)


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
    sources: tuple[str, ...] = Field(min_length=1)
    schedule: str = ""
    timezone: str = "UTC"
    papers: int = Field(default=20, ge=1, le=100)
    format: Format = "html"
    revised: bool = False
    sender: Line = Field(default="", alias="from")
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
        try:
            if self.schedule:
                plan.parse_schedule(self.schedule, self.timezone)
        except Misuse as why:
            raise ValueError(str(why)) from why
        if not (self.topics or self.categories or self.authors):
            raise ValueError(
                "says nothing of what it is about; give it topics, categories or authors"
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
        )

    @property
    def definition(self) -> str:
        """All that decides which papers belong to it, as one string."""
        return repr((self.topics, self.exclude, self.categories, self.authors, self.sources))


class Config(BaseSettings):
    """The whole configuration. `store` and `outbox` are absolute once it is loaded."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="DIGEST_", env_nested_delimiter="__"
    )
    base_url: Url = ""
    store: str = "sqlite:///digest.db"
    outbox: Path = Path("outbox")
    templates: Path = Path("templates")
    transport: str = "outbox"
    summarizer: str = "lead"
    operator: Operator = Operator()
    fetch: Fetch = Fetch()
    smtp: Smtp = Smtp()
    digests: dict[str, Digest] = {}
    sources: dict[str, Source] = {}

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
                if self.kind(asked) in NEEDS_CATEGORIES and not digest.categories:
                    raise ValueError(
                        f"[digests.{name}] reads {asked!r} but names no categories;"
                        ' add some, like categories = ["cs.CL", "cs.LG"]'
                    )
        return self

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

    def masthead(self, name: str) -> Masthead:
        """What stands around the papers of a digest."""
        contact = self.operator.contact or "digest@localhost"
        return Masthead(
            title=self.title(name),
            operator=self.operator.name,
            address=self.operator.address,
            contact=self.operator.contact,
            sender=self.digests[name].sender or f"{self.title(name)} <{contact}>",
            base_url=self.base_url,
            more_at=ALL_PAPERS if self.transport == "outbox" and not self.base_url else "",
        )


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
    given = set(source.model_extra or {})
    for key in sorted(given - SETTINGS[kind]):
        raise ValueError(f"[sources.{name}]: " + _unknown(key, SETTINGS[kind] | {"kind"}))
    for key in sorted(REQUIRED.get(kind, frozenset()) - given):
        raise ValueError(f'[sources.{name}]: {key} is missing; add {key} = "https://…"')
    for key in given & {"url", "rss", "api"}:
        _url(str((source.model_extra or {})[key]))


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
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise BadConfig(f"{file} is not TOML: {why}") from why
    except OSError as why:
        raise BadConfig(f"{file} cannot be read: {why.strerror}") from why
    return make(tables, file)


def make(tables: dict[str, Any], file: Path) -> Config:
    """The configuration that tables make, relative to the folder of a file."""
    try:
        config = Config(**tables)
    except ValidationError as why:
        raise BadConfig("\n".join(f"{file}: {line}" for line in _lines(why))) from why
    home = file.resolve().parent
    moved = {
        "store": _beside(config.store, home),
        "outbox": home / config.outbox,
        "templates": home / config.templates,
    }
    return config.model_copy(update=moved)


def _beside(store: str, home: Path) -> str:
    prefix = "sqlite:///"
    is_relative = store.startswith(prefix) and not store.startswith(f"{prefix}/")
    return f"{prefix}{home / store.removeprefix(prefix)}" if is_relative else store


def _lines(error: ValidationError) -> list[str]:
    """An error's parts in the words of the file."""
    lines = []
    for part in error.errors():
        place = [str(step) for step in part["loc"]]
        if len(place) == 2 and place[0] in ("digests", "sources"):
            place.append("")  # the table as a whole
        where = f"[{'.'.join(place[:-1])}] " if len(place) > 1 else ""
        key = place[-1] if place else ""
        if part["type"] == "extra_forbidden":
            lines.append(where + _unknown(key, _keys(place[:-1])))
            continue
        cause = part.get("ctx", {}).get("error")
        why = str(cause) if cause else part["msg"][:1].lower() + part["msg"][1:]
        lines.append(f"{where}{key}: {why}" if key else f"{where}{why}")
    return lines


def _unknown(key: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
    return f"unknown key {key!r}; {hint}"


def _keys(place: list[str]) -> list[str]:
    tables: dict[str, type[BaseModel]] = {
        "operator": Operator,
        "fetch": Fetch,
        "smtp": Smtp,
        "digests": Digest,
    }
    fields = tables[place[0]].model_fields if place and place[0] in tables else Config.model_fields
    return [field.alias or name for name, field in fields.items()]


def state_folder() -> Path:
    """Where the pace of the services is kept, for all processes of the user."""
    from platformdirs import user_state_path

    given = os.environ.get("DIGEST_STATE_FOLDER")
    return Path(given) if given else user_state_path("papers-digest")
