"""What is kept for years: pruning, backing up, restoring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.frame import (
    AsJson,
    ConfigFile,
    Now,
    app,
    complain,
    count,
    moment,
    near,
    opened,
    print_json,
)

if TYPE_CHECKING:
    from digest.run.backup import Backup


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


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Packed where it ends in .gz.")],
    force: Annotated[bool, typer.Option("--force", help="Write over it.")] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Write store, configuration, keys and templates into one file, while all goes on."""
    from digest import config as configs
    from digest.run import backup as backups

    source = configs.find(config or context.obj)
    with opened(context, source, None) as setup:
        made = backups.backup(setup, source, file, force=force)
        has_password = backups.has_password(setup.config)
    if has_password:
        complain(f"the password in `store` of {source} is in {file}; PGPASSWORD keeps it out")
    if as_json:
        print_json({"file": str(file), "bytes": file.stat().st_size, **_words(made)})
        return
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB, {count(made.rows, 'row')} of the store")
    print(f"  and {', '.join(made.files)}")
    print("  Who has this file can act for every reader: keep it as secret as the keys.")


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `digest backup` wrote.")],
    force: Annotated[
        bool, typer.Option("--force", help="Also where there is a store; that one stays beside.")
    ] = False,
    hold: Annotated[
        bool, typer.Option(help="Hold what is unsent, and drafts: it may have been sent since.")
    ] = True,
    elsewhere: Annotated[
        bool,
        typer.Option(
            "--elsewhere",
            help="Also where the backup's own digest.toml has its files outside this folder.",
        ),
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Put a backup in its place: where digest.toml says, or else with its own digest.toml here."""
    from digest import config as configs
    from digest.run import backup as backups

    given = config or context.obj
    place = given or Path(configs.FILE)
    done = backups.restore(file, place, moment(now), force=force, hold=hold, elsewhere=elsewhere)
    if as_json:
        kept = [str(one) for one in done.kept]
        words = {"kept": kept, "store_kept": done.store_kept, "held": list(done.held)}
        print_json({**_words(done.backup), **words})
        return
    print(f"restored {count(done.backup.rows, 'row')} of {done.backup.made_at:%Y-%m-%d %H:%M} UTC")
    if done.store_kept:
        print(f"  the store that was there is {near(Path(done.store_kept))} now")
    for one in done.kept:
        print(f"  what was there is {near(one)} now")
    for issue in done.held:
        print(f"  {issue} is held; `digest release {issue}` sends the rest of it")
    if done.held:
        print(
            "  Nothing of these goes to anybody before; what was sent since the backup: leave it."
        )


def _words(made: Backup) -> dict[str, Any]:
    return {
        "made_at": made.made_at.isoformat(),
        "version": made.version,
        "schema": made.schema,
        "rows": made.rows,
        "files": list(made.files),
    }
