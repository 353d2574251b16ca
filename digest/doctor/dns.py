"""What the world's name servers say of the domains that our mails are from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from digest import dkim, keys
from digest.doctor.finding import FAULT, OK, SKIPPED, WARNING, Case, Finding
from digest.errors import BadConfig, Temporary

#: Addresses that the world never sees.
_INSIDE = tuple(
    map(
        ip_network,
        "10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16"
        " ::1/128 fc00::/7 fe80::/10".split(),
    )
)
MOST_LOOKUPS = 10  # Source: RFC 7208, 4.6.4.
#: What countries have below themselves for others to register under, in most of them.
_SECOND = frozenset({"ac", "co", "com", "edu", "gov", "govt", "net", "or", "org"})
_COUNTED = re.compile(
    r"[+?~-]?(?:include:|redirect=|exists:|(?:a|mx|ptr)(?:[:/]|$))", re.IGNORECASE
)


def _each(case: Case, name: str, of: Callable[[Case, str], Finding]) -> Iterator[Finding]:
    """One finding for each domain that mails are from, if they leave this machine."""
    if not case.sends:
        yield Finding(name, SKIPPED, "no mail leaves this machine: transport is the outbox")
    elif case.is_offline:
        yield Finding(name, SKIPPED, "not asked: --offline")
    elif not case.domains:
        said = "mails are from localhost, which has no domain"
        yield Finding(name, FAULT, said, "set `from` in the digest, or contact under [operator]")
    else:
        for domain in case.domains:
            try:
                yield of(case, domain)
            except Temporary as why:
                yield Finding(name, WARNING, str(why), "try again, or name another --nameserver")


def spf(case: Case) -> Iterable[Finding]:
    """May somebody send in the domain's name?"""
    return _each(case, "SPF", _spf)


def _spf(case: Case, domain: str) -> Finding:
    name = "SPF"
    texts = case.names.texts(domain)
    found = [one for one in texts if one.lower() == "v=spf1" or one.lower().startswith("v=spf1 ")]
    if not found:
        said = f"{domain} has no SPF record: big mail providers may refuse its mails"
        remedy = f'publish one at {domain}, like "v=spf1 include:YOUR-MAIL-SERVER ~all"'
        return Finding(name, FAULT, said, remedy)
    if len(found) > 1:
        said = f"{domain} has {len(found)} SPF records, and with more than one none counts"
        return Finding(
            name, FAULT, said, "make one of them: all includes, and one `all` at the end"
        )
    words = found[0].split()
    lookups = sum(bool(_COUNTED.match(word)) for word in words)
    if lookups > MOST_LOOKUPS:
        said = (
            f"{domain}: {lookups} lookups in its SPF record, more than the {MOST_LOOKUPS} allowed"
        )
        return Finding(name, FAULT, said, "leave out includes that send nothing for you")
    if "+all" in words or "all" in words:
        said = f"{domain}: {found[0]!r} lets everybody send in its name"
        return Finding(name, FAULT, said, "end it with ~all or -all")
    return Finding(name, OK, f"{domain}: {found[0]}")


def dkim_record(case: Case) -> Iterable[Finding]:
    """Is the key published that our mails are signed with?"""
    name, own = "DKIM", case.config.dkim
    if case.sends and not own.selector:
        said = "mails are not signed: big mail providers refuse many of them, or call them junk"
        remedy = '[dkim] selector = "digest", then `digest dkim` shows the record to publish'
        return [Finding(name, WARNING, said, remedy)]
    domains = {own.domain} if own.domain else set()
    return _each(case, name, lambda one, domain: _dkim(one, *(domains or {domain})))


def _dkim(case: Case, domain: str) -> Finding:
    name, own = "DKIM", case.config.dkim
    where = f"{own.selector}._domainkey.{domain}"
    try:
        key = keys.load_signing(own.key)
    except BadConfig as why:
        return Finding(name, FAULT, str(why), "`digest dkim` makes one and shows its record")
    remedy = "`digest dkim` shows the record to publish"
    found = [_tags(one) for one in case.names.texts(where)]
    found = [tags for tags in found if "p" in tags]
    if not found:
        said = f"there is no record at {where}: signatures cannot be checked, and count for nothing"
        return Finding(name, FAULT, said, remedy)
    if len(found) > 1:
        said = f"there are {len(found)} records at {where}, and there must be one"
        return Finding(name, FAULT, said, "remove all but that of `digest dkim`")
    if not found[0]["p"]:
        return Finding(name, FAULT, f"the key at {where} is revoked (p= is empty)", remedy)
    if found[0]["p"] != _tags(dkim.record(key.public_key()))["p"]:
        said = f"the key at {where} is another than ours: every signature fails"
        return Finding(name, FAULT, said, remedy)
    if "y" in found[0].get("t", "").split(":"):
        said = f"{where} says t=y, a test: some take no notice of the signature"
        return Finding(name, WARNING, said, "leave t=y out once mails arrive")
    return Finding(name, OK, f"the record at {where} is that of our key")


def dmarc(case: Case) -> Iterable[Finding]:
    """Is it said what others do with mails that only claim to be ours?"""
    return _each(case, "DMARC", _dmarc)


def _dmarc(case: Case, domain: str) -> Finding:
    name = "DMARC"
    labels = domain.split(".")
    # Its own, or the one of a domain above it; never that of a whole top level.
    for start in range(max(1, len(labels) - _top(labels))):
        where = f"_dmarc.{'.'.join(labels[start:])}"
        found = [_tags(one) for one in case.names.texts(where) if _is_dmarc(one)]
        if not found:
            continue
        if len(found) > 1:
            said = f"there are {len(found)} records at {where}, and with more than one none counts"
            return Finding(name, FAULT, said, "remove all but one")
        policy = (found[0].get("sp") if start else None) or found[0].get("p", "")
        if policy.lower() not in ("none", "quarantine", "reject"):
            said = f"{where} has no policy that is one: p={policy}"
            return Finding(name, FAULT, said, "p is none, quarantine or reject")
        watches = "; it only watches" if policy.lower() == "none" else ""
        return Finding(name, OK, f"{where}: the policy is {policy.lower()}{watches}")
    said = f"{domain} has no DMARC record: big mail providers want one of who sends to many"
    return Finding(name, WARNING, said, f'publish "v=DMARC1; p=none" at _dmarc.{domain}')


def _top(labels: Sequence[str]) -> int:
    """How many labels at the end are those of a registry, as in co.uk: a guess, and no list."""
    return 2 if len(labels[-1]) == 2 and labels[-2:-1] and labels[-2] in _SECOND else 1


def _is_dmarc(record: str) -> bool:
    return bool(re.match(r"v\s*=\s*DMARC1\s*(;|$)", record.strip()))


def mx(case: Case) -> Iterable[Finding]:
    """Can answers and reports reach the domain?"""
    return _each(case, "MX", _mx)


def _mx(case: Case, domain: str) -> Finding:
    name = "MX"
    remedy = "answers and reports of bounces go there: publish the host that takes mail for it"
    found = case.names.mail_exchangers(domain)
    if found == [""]:
        said = f"{domain} says that it takes no mail at all: many servers take none from it either"
        return Finding(name, FAULT, said, remedy)
    if found:
        return Finding(name, OK, f"{domain}: {', '.join(found[:3])}")
    if case.names.addresses(domain):
        return Finding(name, WARNING, f"{domain} has no MX record, only an address", remedy)
    return Finding(name, FAULT, f"{domain} has neither an MX record nor an address", remedy)


def ptr(case: Case) -> Iterable[Finding]:
    """Do the mail server's addresses have names that lead back to them?"""
    name = "PTR"
    if case.config.transport != "smtp":
        return [Finding(name, SKIPPED, "mails go to no mail server of the configuration")]
    if case.is_offline:
        return [Finding(name, SKIPPED, "not asked: --offline")]
    servers = case.config.smtp.servers or {"": case.config.smtp}
    return [_ptr(case, host) for host in dict.fromkeys(one.host for one in servers.values())]


def _ptr(case: Case, host: str) -> Finding:
    name = "PTR"
    try:
        addresses = [host] if _is_address(host) else case.names.addresses(host)
        if not addresses:
            said = f"{host} has no address that name servers know"
            return Finding(name, WARNING, said, "see whether [smtp] host is spelled right")
        private = [one for one in addresses if _is_inside(one)]
        if private:
            said = f"{host} ({private[0]}) is inside: the address that the world sees is another"
            return Finding(name, SKIPPED, said)
        for address in addresses:
            names = case.names.hosts(address)
            if not any(address in case.names.addresses(one) for one in names[:5]):
                called = f"is called {names[0]}, which is elsewhere" if names else "has no name"
                said = (
                    f"{host}: its address {address} {called}; many servers take no mail from such"
                )
                remedy = "where that server sends to the world itself, have its PTR record set"
                return Finding(name, WARNING, said, remedy)
    except Temporary as why:
        return Finding(name, WARNING, str(why), "try again, or name another --nameserver")
    return Finding(name, OK, f"{host}: {', '.join(addresses[:2])} and back")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_inside(address: str) -> bool:
    found = ip_address(address)
    return any(found in network for network in _INSIDE if network.version == found.version)


def _tags(record: str) -> dict[str, str]:
    """Tags of a record like "v=DKIM1; p=…", values without blanks."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {key.strip().lower(): re.sub(r"\s", "", value) for key, sign, value in pairs if sign}
