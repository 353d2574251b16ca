"""What mails are signed with."""

from __future__ import annotations

import typer

from digest.cli.frame import AsJson, ConfigFile, app, complain, print_json
from digest.errors import Misuse


@app.command("dkim")
def dkim_(context: typer.Context, as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Show the DNS records by which others check our signatures; make the key if there is none."""
    from digest import config as configs
    from digest import dkim, keys
    from digest.run.signing import domain

    settings = configs.load(configs.find(config or context.obj))
    own = settings.dkim
    if not own.selector:
        raise Misuse('mails are not signed; name a selector first: [dkim] selector = "digest"')
    is_new = keys.ensure_signing(own.key)
    record = dkim.record(keys.load_signing(own.key).public_key())
    senders = {settings.notices_from, *(settings.masthead(one).sender for one in settings.digests)}
    domains = [own.domain] if own.domain else sorted({domain(one) for one in senders})
    if is_new:
        complain(f"made the key {own.key}; keep it secret")
    for name in domains:
        where = f"{own.selector}._domainkey.{name}"
        if as_json:
            print_json({"name": where, "type": "TXT", "value": record})
        else:
            pieces = " ".join(f'"{one}"' for one in dkim.strings(record))
            print(f"{where}. IN TXT ( {pieces} )")
