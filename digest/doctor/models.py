"""The models: their files, and the services that answer for them."""

from __future__ import annotations

from importlib.util import find_spec

from digest import config as configs
from digest import registry
from digest.doctor.finding import FAULT, NETWORK_S, OK, SKIPPED, WARNING, Case, Finding
from digest.errors import BadConfig, DigestError
from digest.fetch import calls
from digest.models import service
from digest.models.repository import Repository
from digest.run import make_ready
from digest.summarizers import Text

_AGAIN = "install papers-digest again, or name another"


def encoder(case: Case) -> Finding:
    """Does what makes vectors work?"""
    name, named = "encoder", case.config.encoder
    if found := _far(case, name, named):
        return found
    try:
        made = registry.encoder(named, case.config.options)
        vectors = made.encode(["a test"])
    except DigestError as why:
        return Finding(name, FAULT, str(why), _AGAIN)
    return Finding(name, OK, f"{made.id}: vectors of {len(vectors[0])} numbers")


def summarizer(case: Case) -> Finding:
    """Does what makes summaries work?"""
    name, named = "summarizer", case.config.summarizer
    try:
        made = registry.summarizer(named, case.config.options)
        make_ready(made, case.config.language)
    except DigestError as why:
        return Finding(name, FAULT, str(why), _AGAIN)
    if found := _far(case, name, named):
        return found
    (said,) = made.summarize([Text(title="A test", abstract="We measure a thing. It is small.")])
    if isinstance(said, DigestError):
        return Finding(name, FAULT, f"{named}: {said}", _AGAIN)
    return Finding(name, OK, made.id)


def torch(case: Case) -> Finding:
    """Is it there where a model of the Hub wants it, and does it find a GPU?"""
    name = "torch"
    if not any(one.startswith("hub:") for one in (case.config.encoder, case.config.summarizer)):
        return Finding(name, SKIPPED, "no model of the Hub is configured")
    if not find_spec("torch"):
        return Finding(name, FAULT, "it is not installed", "pip install torch")
    import torch as installed

    made_for = installed.version.cuda
    if not made_for:
        said = f"{installed.__version__}, made for processors"
        return Finding(name, OK, said)
    if not installed.cuda.is_available():
        said = f"{installed.__version__}, made for CUDA {made_for}, and there is no such GPU"
        return Finding(name, WARNING, said, "it runs on the processor; look for the GPU's driver")
    return Finding(name, OK, f"{installed.__version__} with CUDA {made_for}")


def _far(case: Case, name: str, named: str) -> Finding | None:
    """A model that is a gigabyte, or elsewhere, is not tried but looked for."""
    kind, _, rest = named.partition(":")
    if kind == "hub":
        return _repository(name, rest)
    return _endpoint(case, name, named) if kind == "openai" else None


def _repository(name: str, rest: str) -> Finding:
    try:
        found = Repository(rest, name)
        found.check_torch()
        found.check_weights()
        is_here = found.file("config.json") is not None
    except BadConfig as why:
        return Finding(name, FAULT, str(why), "see docs/summarizers.md, or take the embedded one")
    if not is_here:
        said = f"hub:{rest} is not on this machine: the first run fetches it"
        return Finding(name, WARNING, said, f"fetch it before: hf download {rest}")
    return Finding(name, OK, f"hub:{found.revision} is on this machine")


def _endpoint(case: Case, name: str, named: str) -> Finding:
    if case.is_offline:
        return Finding(name, SKIPPED, f"{named} was not asked: --offline")
    _, address = service.parsed(named, "", name)
    url = f"{address.rstrip('/')}/models"
    key = configs.endpoint_key(url)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        status, _ = calls.look(url, headers, timeout_s=NETWORK_S)
    except DigestError as why:
        said = f"{named}: {why}; papers get an extract meanwhile, or are matched by words"
        return Finding(name, WARNING, said, "see that the service runs and can be reached")
    if status in (401, 403):
        said = f"{named} does not take the key ({status})"
        return Finding(name, FAULT, said, f"put the right one into {service.KEY}")
    if status >= 500:
        said = f"{named} answers {status}"
        return Finding(name, WARNING, said, "see what the service's own log says")
    return Finding(name, OK, f"{named} answers ({status})")
