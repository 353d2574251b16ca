"""What is kept for years: pruning, backing up, restoring."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.frame import AsJson, ConfigFile, Now, app, opened, print_json


@app.command()
def prune(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    vacuum: Annotated[
        bool,
        typer.Option("--vacuum", help="Then give the freed space back; nobody writes meanwhile."),
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Remove what is older than [keep] says. The scheduler does it once a day."""
    from digest.run import pruning

    with opened(context, config, now) as setup:
        counts = pruning.prune(setup, dry_run=dry_run)
        freed = pruning.vacuum(setup) if vacuum and not dry_run else None
    if as_json:
        print_json({"dry_run": dry_run, "removed": counts, "freed_bytes": freed})
        return
    said = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    print(f"{'would remove' if dry_run else 'removed'} {said or 'nothing: all is young or needed'}")
    if freed is not None:
        print(f"gave back {freed / 1e6:.1f} MB")
