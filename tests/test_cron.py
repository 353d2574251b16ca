"""What is in cron/: it parses, and does what it says where it is put."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

CRON = Path(__file__).parents[1] / "cron"
UNITS = sorted(CRON.glob("systemd/*/*"))
WORKFLOW = CRON / "github-actions.yml"
#: A slot of each day is past, wherever this runs and whenever.
TOML = """
summarizer = "lead"
[digests.samples]
topics = ["retrieval"]
sources = ["sample"]
schedule = "daily at 00:00"
to = ["reader@example.org"]
"""


def needs(program: str) -> str:
    """Its path; where it is not installed, the test is skipped."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        pytest.skip(f"{program} is not installed")
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home as the README's first commands leave it, with a digest of which something is due."""
    program = tmp_path / "papers-digest" / ".venv" / "bin"
    program.mkdir(parents=True)
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "digest.toml").write_text(TOML)
    command(program / "digest", f'exec "{sys.executable}" -W error -m digest "$@"')
    return tmp_path


def command(file: Path, words: str) -> None:
    file.write_text(f"#!/bin/sh\n{words}\n")
    file.chmod(0o755)


def environment(home: Path, **more: str) -> dict[str, str]:
    """As little as cron and systemd give."""
    package = str(Path(__file__).parents[1])
    return {
        "HOME": str(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": package,
        "OMP_NUM_THREADS": "1",
        **more,
    }


def mails(folder: Path) -> list[str]:
    """Message-IDs of the issues that the reader got."""
    found = []
    for file in (folder / "outbox").rglob("*.eml"):
        found += re.findall(r"(?mi)^message-id: (.*)$", file.read_text("utf-8", "replace"))
    return found


# --- cron ----------------------------------------------------------------------------------------


def crontab() -> tuple[dict[str, str], str]:
    """Its environment and its command."""
    lines = [line for line in (CRON / "crontab").read_text().splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("#")]
    settings = dict(line.split("=", 1) for line in lines[:-1])
    *times, command = lines[-1].split(maxsplit=5)
    assert times == ["*/15", "*", "*", "*", "*"]
    return settings, command


def test_the_crontab_can_be_installed(tmp_path: Path) -> None:
    program = needs("crontab")
    # Debian's -n, until it was called -T.
    is_new = "-T " in subprocess.run([program, "-h"], capture_output=True, text=True).stderr
    done = subprocess.run(
        [program, "-T" if is_new else "-n", CRON / "crontab"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_no_percent_sign_ends_the_crontabs_command() -> None:
    assert "%" not in crontab()[1]


@pytest.mark.slow
def test_the_crontabs_command_sends_once_however_often_it_is_called(home: Path) -> None:
    settings, line = crontab()
    for _ in range(2):
        done = subprocess.run(
            [settings["SHELL"], "-c", line],
            cwd=home,
            env=environment(home, PATH=settings["PATH"]),
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(mails(home / "papers")) == 1


def test_the_crontabs_command_does_not_pile_up_behind_one_that_hangs(home: Path) -> None:
    settings, line = crontab()
    begun = home / "begun"
    program = home / "papers-digest" / ".venv" / "bin" / "digest"
    command(program, f'echo >>"{begun}"; exec sleep 60')
    start: dict[str, Any] = {"cwd": home, "env": environment(home, PATH=settings["PATH"])}
    with subprocess.Popen(
        [settings["SHELL"], "-c", line], start_new_session=True, **start
    ) as first:
        while not begun.exists():
            assert first.poll() is None
        second = subprocess.run(
            [settings["SHELL"], "-c", line], timeout=10, capture_output=True, **start
        )
        os.killpg(first.pid, 9)
    assert (second.returncode, second.stdout, second.stderr) == (1, b"", b"")
    assert begun.read_text() == "\n"


# --- systemd -------------------------------------------------------------------------------------


def unit(file: Path) -> dict[str, list[str]]:
    """Its settings, whatever their section."""
    found: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("file", UNITS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_systemd_takes_the_unit_as_it_is(file: Path, tmp_path: Path) -> None:
    program = needs("systemd-analyze")
    for one in file.parent.iterdir():  # a timer wants its service
        text = one.read_text()
        for place in ("/opt/papers-digest/.venv/bin/digest", "%h/papers-digest/.venv/bin/digest"):
            text = text.replace(place, "/bin/true")  # nothing is installed here
        (tmp_path / one.name).write_text(text)
    manager = "--user" if file.parent.name == "user" else "--system"
    done = subprocess.run(
        [program, "verify", "--man=no", manager, tmp_path / file.name],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_nothing_left_open_to_the_service(tmp_path: Path) -> None:
    program = needs("systemd-analyze")
    for name in ("papers-digest", "papers-digest-run"):
        file = CRON / "systemd" / "system" / f"{name}.service"
        done = subprocess.run(
            [program, "security", "--offline=true", "--threshold=30", file],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_the_units_of_a_user_say_what_those_of_the_system_say() -> None:
    same = "Type ExecStart Restart RestartSec RestartPreventExitStatus SuccessExitStatus KillMode"
    for name in ("papers-digest.service", "papers-digest-run.service", "papers-digest-run.timer"):
        own, ours = (unit(CRON / "systemd" / place / name) for place in ("user", "system"))
        for key in [*same.split(), "OnCalendar", "Persistent", "TimeoutStopSec"]:
            found = [value.replace("%h/", "/opt/") for value in own.get(key, [])]
            assert found == ours.get(key, []), key


@pytest.mark.slow
def test_what_the_oneshot_unit_starts_does_what_is_due(home: Path) -> None:
    words = unit(CRON / "systemd" / "user" / "papers-digest-run.service")
    (start,), (folder,) = words["ExecStart"], words["WorkingDirectory"]
    done = subprocess.run(
        start.replace("%h", str(home)).split(),
        cwd=folder.replace("%h", str(home)),
        env=environment(home),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(mails(home / "papers")) == 1


# --- GitHub Actions ------------------------------------------------------------------------------


def workflow() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(WORKFLOW)
    return found


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow()["jobs"]["digest"]["steps"]
    return found


def test_the_workflow_is_one_by_githubs_schema() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.github-workflows", WORKFLOW),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_workflow_never_runs_twice_at_once_and_may_do_little() -> None:
    found = workflow()
    assert found["concurrency"] == {"group": "digest", "cancel-in-progress": False}
    assert found["permissions"] == {"contents": "write"}
    job = found["jobs"]["digest"]
    assert job["timeout-minutes"] <= 60
    for step in steps():
        if "uses" in step:  # a tag can be moved, a commit cannot
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step
    # No secret is in a shell's words, where it could be shown, or be a command.
    assert "${{" not in "".join(step.get("run", "") for step in steps())


def test_the_workflows_shell_lines_are_sound(tmp_path: Path) -> None:
    program = needs("shellcheck")
    known = {"GITHUB_OUTPUT", "GITHUB_REPOSITORY", *workflow()["jobs"]["digest"]["env"]}
    for number, step in enumerate(step for step in steps() if "run" in step):
        given = known | step.get("env", {}).keys()
        file = tmp_path / f"{number}.sh"
        exports = "".join(f"export {name}=1\n" for name in sorted(given))
        file.write_text(f"#!/bin/bash\nset -eo pipefail\n{exports}{step['run']}")
        done = subprocess.run([program, file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


class Runner:
    """One of GitHub's machines: nothing on it lasts but what is pushed."""

    def __init__(self, folder: Path, origin: Path) -> None:
        self.folder, self.origin = folder, origin
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        command(self.bin / "digest", f'exec "{sys.executable}" -W error -m digest "$@"')
        command(self.bin / "gh", "echo true")
        self.work = folder / "work"
        git("clone", "-q", "--branch", "main", str(origin), str(self.work), cwd=folder)
        self.outputs: dict[str, str] = {}
        self.failed: list[str] = []
        self.said = ""

    def run(self, *, begin: bool = False, go_on: bool = False, but: tuple[str, ...] = ()) -> None:
        """All steps as GitHub runs them, but those that install something."""
        values = {
            "inputs.begin": str(begin).lower(),
            "inputs.go_on": str(go_on).lower(),
            "secrets.STORE_PASSWORD": "long and by chance",
            "secrets.SMTP_PASSWORD": "",
            "github.token": "",
        }
        job = workflow()["jobs"]["digest"]
        for step in steps():
            name = step.get("name", "")
            if "run" not in step or name in ("Install", *but):
                continue
            if not self.is_wanted(step.get("if", "")):
                continue
            values["steps.fetch.outputs.begun"] = self.outputs.get("begun", "")
            given = {**job["env"], **step.get("env", {})}
            filled = {
                key: re.sub(r"\$\{\{ (.+?) \}\}", lambda found: values[found[1]], value)
                for key, value in given.items()
            }
            if not self.step(step, filled):
                self.failed.append(name)

    def is_wanted(self, condition: str) -> bool:
        if not condition:
            return not self.failed
        assert condition == "${{ always() && steps.fetch.outcome == 'success' }}"
        return "begun" in self.outputs

    def step(self, step: dict[str, Any], given: Mapping[str, str]) -> bool:
        output = self.folder / "output"
        output.touch()
        done = subprocess.run(
            # As GitHub's `shell: bash` does.
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.work / step.get("working-directory", ""),
            env=environment(
                self.folder,
                PATH=f"{self.bin}:{os.environ['PATH']}",
                GITHUB_OUTPUT=str(output),
                GITHUB_REPOSITORY="reader/papers",
                **given,
            ),
            capture_output=True,
            text=True,
        )
        self.said += done.stdout + done.stderr
        self.outputs |= dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done.returncode == 0

    def mails(self) -> list[str]:
        return mails(self.work / "papers")


def git(*words: str, cwd: Path) -> str:
    given = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    return subprocess.run(given, cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with papers/digest.toml, where GitHub would have it."""
    place = tmp_path / "origin.git"
    git("init", "-q", "--bare", "-b", "main", str(place), cwd=tmp_path)
    first = tmp_path / "first"
    git("init", "-q", "-b", "main", str(first), cwd=tmp_path)
    (first / "papers").mkdir()
    (first / "papers" / "digest.toml").write_text(TOML)
    git("add", ".", cwd=first)
    git("commit", "-qm", "papers", cwd=first)
    git("push", "-q", str(place), "main", cwd=first)
    return place


@pytest.mark.slow
def test_a_run_begins_where_the_last_one_ended(tmp_path: Path, origin: Path) -> None:
    one, two = Runner(tmp_path / "one", origin), Runner(tmp_path / "two", origin)
    one.run(begin=True)
    assert one.failed == [], one.said
    assert len(one.mails()) == 1
    two.run()
    assert two.failed == [], two.said
    assert two.mails() == []
    assert "not-due" in two.said
    keys = [(one.work / "papers" / "digest.keys").read_bytes() for one in (one, two)]
    assert keys[0] == keys[1]
    # One commit, however many runs; and nothing of a reader can be read in it.
    assert git("rev-list", "--count", "digest-store", cwd=origin) == "1\n"
    kept = subprocess.run(
        ["git", "cat-file", "blob", "digest-store:store.enc"], cwd=origin, capture_output=True
    ).stdout
    assert kept.startswith(b"Salted__")


@pytest.mark.slow
def test_a_run_that_failed_keeps_its_store(tmp_path: Path, origin: Path) -> None:
    one, two = Runner(tmp_path / "one", origin), Runner(tmp_path / "two", origin)
    program = one.bin / "digest"
    command(program, f'"{sys.executable}" -W error -m digest "$@"; exit 3')
    one.run(begin=True)
    assert one.failed == ["Do what is due"], one.said
    assert len(one.mails()) == 1
    two.run()
    assert (two.failed, two.mails()) == ([], []), two.said


@pytest.mark.slow
def test_after_a_run_that_was_lost_nobody_is_sent_anything_until_somebody_says_so(
    tmp_path: Path, origin: Path
) -> None:
    lost, next, told = (Runner(tmp_path / name, origin) for name in ("lost", "next", "told"))
    lost.run(begin=True, but=("Keep the store",))  # its machine died after it had sent
    next.run()
    assert next.failed == ["Fetch the store"]
    assert "The last run was lost" in next.said
    assert next.mails() == []
    told.run(go_on=True)
    assert (told.failed, len(told.mails())) == ([], 1), told.said


def test_a_store_that_is_gone_is_no_new_beginning(tmp_path: Path, origin: Path) -> None:
    one = Runner(tmp_path / "one", origin)
    one.run()
    assert one.failed == ["Fetch the store"]
    assert "There is no branch" in one.said
    assert one.mails() == []


def test_an_origin_that_cannot_be_asked_is_no_new_beginning(tmp_path: Path, origin: Path) -> None:
    one = Runner(tmp_path / "one", origin)
    origin.rename(tmp_path / "away")
    one.run(begin=True)
    assert (one.failed, one.mails()) == (["Fetch the store"], [])


@pytest.mark.slow
def test_of_two_runs_at_once_one_does_nothing(tmp_path: Path, origin: Path) -> None:
    first, second, third = (Runner(tmp_path / name, origin) for name in ("one", "two", "three"))
    first.run(begin=True)
    # Both have seen the same store; the second says that it has begun while the third looks.
    real = shutil.which("git")
    push = f'cd "{second.work}" && "{real}" push -q -f origin HEAD:refs/heads/digest-store'
    command(third.bin / "git", f'case " $* " in *" push "*) ({push});; esac; exec "{real}" "$@"')
    third.run()
    assert third.failed == ["Fetch the store"], third.said
    assert third.mails() == []


def test_a_public_repository_is_refused(tmp_path: Path, origin: Path) -> None:
    one = Runner(tmp_path / "one", origin)
    command(one.bin / "gh", "echo false")
    one.run(begin=True)
    assert one.failed == ["Refuse to run in public"]
    assert "digest-store" not in git("branch", cwd=origin)
