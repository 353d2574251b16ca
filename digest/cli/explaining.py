"""What explains itself: why somebody did or did not get a paper, and what is wrong here."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.frame import AsJson, ConfigFile, Now, app, opened, print_json


@app.command("why")
def why_(
    context: typer.Context,
    address: str,
    paper: Annotated[str, typer.Argument(help="2606.01234, doi:10.1234/abc, or its page.")],
    digest: Annotated[
        str, typer.Option("--digest", metavar="NAME", help="Only of this digest.")
    ] = "",
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Say why somebody got a paper, or did not, or not yet."""
    with opened(context, config, now) as setup:
        from digest.why import lines, why, words

        found = why(setup, address, paper, digest)
    if as_json:
        for one in found:
            print_json(words(one, address, paper))
    else:
        print("\n".join(lines(found)))
