"""From a file to the store, by the command and by what it calls."""

from __future__ import annotations

import json
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import digest, good, misuse
from desk import ADA, BEN, CY, Desk

from digest.run import importing, roll, subscribing
from digest.run.sheet import Row
from digest.tokens import Purpose
from digest.types import Preferences, SubscriptionState, Suppression

CONFIRMED, UNCONFIRMED = SubscriptionState.CONFIRMED, SubscriptionState.UNCONFIRMED
UNSUBSCRIBED = SubscriptionState.UNSUBSCRIBED


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.setup.store.close()


def row(
    address: str = ADA, state: SubscriptionState = CONFIRMED, digest: str = "d", **more: object
) -> Row:
    evidence = "by form" if state is CONFIRMED else ""
    values = {"line": 2, "address": address, "digest": digest, "state": state}
    return Row(**{**values, "evidence": evidence, **more})  # type: ignore[arg-type]


def do(desk: Desk, *rows: Row, rehearse: bool = False) -> list[str]:
    found = importing.import_rows(desk.setup, rows, is_rehearsal=rehearse)
    return [one.done + (f": {one.why}" if one.why else "") for one in found]


def states(desk: Desk) -> dict[str, str]:
    return {
        f"{one.subscription.address}/{one.subscription.digest}":
        f"{one.subscription.state}, {one.subscriber}"
        for one in roll.listed(desk.setup)
    }  # fmt: skip


def test_each_state_becomes_what_it_says(desk: Desk) -> None:
    wanted = Preferences(frequency="weekly", weekday="fri")
    said = do(desk, row(ADA, preferences=wanted), row(BEN, UNCONFIRMED), row(CY, UNSUBSCRIBED))
    assert said == ["confirmed", "asked", "unsubscribed"]
    assert states(desk) == {
        f"{ADA}/d": "confirmed, active",
        f"{BEN}/d": "unconfirmed, pending",
        f"{CY}/d": "unsubscribed, left",
    }
    has = desk.has()
    assert has is not None
    assert has.preferences == wanted
    noted = roll.known_of(desk.setup, ADA)["consents"]
    assert [(one["what"], one["evidence"]) for one in noted] == [
        ("confirmed", {"form": "import", "text": "by form"})
    ]


def test_the_same_again_changes_nothing_and_mails_nobody(desk: Desk) -> None:
    rows = [row(ADA), row(BEN, UNCONFIRMED), row(CY, UNSUBSCRIBED)]
    do(desk, *rows)
    before = roll.known_of(desk.setup, ADA), states(desk)
    desk.at(hours=48)
    assert [one.partition(":")[0] for one in do(desk, *rows)] == ["already"] * 3
    assert (roll.known_of(desk.setup, ADA), states(desk)) == before
    with desk.setup.store.read() as connection:
        assert roll.counts(connection)["notices"] == {"queued": 1}


def test_rows_that_say_the_same_twice_count_once_and_leaving_wins(desk: Desk) -> None:
    assert do(desk, row(), row("ADA@example.org"), row(state=UNSUBSCRIBED), row()) == [
        "confirmed",
        "already: subscribed already",
        "unsubscribed",
        "refused: unsubscribed; she can come back by herself",
    ]
    assert states(desk) == {f"{ADA}/d": "unsubscribed, left"}
    assert do(desk, row(BEN, UNCONFIRMED), row(BEN, UNCONFIRMED), row(BEN)) == [
        "already: named again in this file, with another state",
        "already: asked already; has not confirmed yet",
        "confirmed",
    ]
    with desk.setup.store.read() as connection:
        assert roll.counts(connection)["notices"] == {}


def test_who_left_one_digest_elsewhere_may_be_confirmed_in_another(desk: Desk) -> None:
    assert do(desk, row(state=UNSUBSCRIBED), row(digest="e")) == ["unsubscribed", "confirmed"]
    assert states(desk) == {f"{ADA}/d": "unsubscribed, active", f"{ADA}/e": "confirmed, active"}


@pytest.mark.parametrize("state", [CONFIRMED, UNCONFIRMED])
@pytest.mark.parametrize("name", ["d", "e"])
def test_who_left_by_herself_is_not_brought_back(
    desk: Desk, state: SubscriptionState, name: str
) -> None:
    desk.join()
    subscribing.leave(desk.setup, desk.token("confirm"), purpose=Purpose.CONFIRM)
    (said,) = do(desk, row(state=state, digest=name))
    assert said.startswith("refused: ")
    assert "unsubscribed on 2026-06-22" in said or "left all digests" in said
    assert states(desk) == {f"{ADA}/d": "unsubscribed, left"}


def test_evidence_confirms_who_was_asked_and_a_row_that_left_takes_her_out(desk: Desk) -> None:
    desk.ask()
    assert do(desk, row(preferences=Preferences(papers=2))) == ["confirmed"]
    has = desk.has()
    assert has is not None
    assert (has.state, has.preferences.papers) == ("confirmed", 2)
    assert do(desk, row(state=UNSUBSCRIBED)) == ["unsubscribed"]
    assert states(desk) == {f"{ADA}/d": "unsubscribed, left"}


def test_who_was_listed_in_the_configuration_can_be_taken_over(desk: Desk) -> None:
    of = desk.tables["digests"]
    for to in ([ADA], []):
        desk.at(digests={**of, "d": {**of["d"], "to": to}})
        desk.build()
    assert states(desk) == {f"{ADA}/d": "unsubscribed, active"}
    assert do(desk, row()) == ["confirmed"]
    desk.build()
    assert states(desk) == {f"{ADA}/d": "confirmed, active"}


def test_suppressed_addresses_are_refused_with_the_remedy(desk: Desk) -> None:
    roll.suppress(desk.setup, ADA, Suppression.COMPLAINT)
    for state in SubscriptionState:
        (said,) = do(desk, row("ADA@example.org", state))
        assert said.startswith("refused: must not be written to (complaint); `digest subscribers")
    assert states(desk) == {}


def test_asks_keep_within_the_limits_and_the_same_file_asks_the_rest_later(desk: Desk) -> None:
    desk.at(limits={"overall": 5, "per_domain": 3})
    rows = [row(f"a{n}@{'x' if n < 5 else 'y'}.org", UNCONFIRMED) for n in range(12)]
    first = [one.partition(":")[0] for one in do(desk, *rows)]
    assert first == ["asked"] * 3 + ["not asked"] * 2 + ["asked"] * 2 + ["not asked"] * 5
    desk.at(hours=1)
    again = Counter(one.partition(":")[0] for one in do(desk, *rows))
    assert again == {"already": 5, "asked": 5, "not asked": 2}


def test_a_rehearsal_tells_the_same_and_leaves_nothing_behind(desk: Desk) -> None:
    rows = [row(ADA), row(BEN, UNCONFIRMED), row(CY, UNSUBSCRIBED), row(ADA), row(fault="x")]
    rows += [row(f"n{n}@example.org") for n in range(1000)] + [row(ADA)]
    told = do(desk, *rows, rehearse=True)
    assert states(desk) == {}
    done = do(desk, *rows)
    assert [one.partition(":")[0] for one in told] == [one.partition(":")[0] for one in done]


# --- the commands --------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    good("init")
    return tmp_path


def test_an_operator_subscribes_lists_and_takes_out(home: Path) -> None:
    name = "my-papers"
    assert good("subscribe", "Ada@Example.org", name) == (
        f"asked Ada@example.org: it gets {name} once it confirms\n"
    )
    again = digest("subscribe", ADA, name)
    assert again.returncode == 1
    assert "it was asked within the day" in again.stderr
    assert "the evidence is kept" in good("subscribe", BEN, name, "--evidence", "on the phone")
    assert "already" in good("subscribe", BEN, name)
    listed = [json.loads(line) for line in good("subscribers", "list", "--json").splitlines()]
    assert [(one["address"], one["state"], one["subscriber"]) for one in listed] == [
        ("Ada@example.org", "unconfirmed", "pending"),
        (BEN, "confirmed", "active"),
    ]
    assert ADA not in good("subscribers", "list", name, "--state", "confirmed").lower()
    assert f"is out of {name}" in good("unsubscribe", BEN, name)
    assert "not subscribed" in good("unsubscribe", BEN)
    assert len(list(home.glob("outbox/my-papers/notices/*.eml"))) == 2


def test_a_file_is_taken_in_and_told_row_by_row(home: Path) -> None:
    (home / "in.csv").write_text(
        "address,digest,state,evidence\n"
        f"{ADA},my-papers,confirmed,form\n{BEN},my-paper,confirmed,form\n"
        f"{CY},my-papers,unconfirmed,\n"
    )
    dry = digest("subscribers", "import", "in.csv", "--dry-run")
    assert dry.stdout.splitlines()[-1] == "would be: 1 asked, 1 confirmed, 1 refused"
    done = digest("subscribers", "import", "in.csv")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"line 2: {ADA}: confirmed",
        f"line 3: {BEN}: refused: no digest is called 'my-paper'; did you mean 'my-papers'?",
        f"line 4: {CY}: asked",
        "1 asked, 1 confirmed, 1 refused",
    ]
    assert len(list(home.glob("outbox/my-papers/notices/*.eml"))) == 1
    *rows, last = map(json.loads, digest("subscribers", "import", "in.csv", "--json")
                      .stdout.splitlines())  # fmt: skip
    assert last == {"totals": {"already": 2, "refused": 1}, "dry_run": False}
    assert set(rows[0]) == {"line", "address", "digest", "done", "why"}


def test_what_is_exported_here_is_imported_there_and_only_its_owner_reads_it(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    good("subscribe", "=ada@example.org", "my-papers", "--evidence", "=1+1")
    good("subscribe", BEN, "my-papers", "--evidence", "x")
    good("unsubscribe", BEN)
    assert "2 subscriptions" in good("subscribers", "export", "out.csv")
    assert stat.S_IMODE((home / "out.csv").stat().st_mode) == 0o600
    text = (home / "out.csv").read_bytes().decode()
    assert good("subscribers", "export") == text
    assert text.splitlines()[1].startswith("'=ada@example.org,my-papers,confirmed,'=1+1,")
    there = tmp_path_factory.mktemp("there")
    monkeypatch.chdir(there)
    good("init")
    good("subscribers", "import", str(home / "out.csv"))
    assert good("subscribers", "export") == text


def test_all_that_is_known_of_somebody_is_given_to_her_and_can_be_erased(home: Path) -> None:
    good("subscribe", ADA, "my-papers", "--evidence", "x")
    known = json.loads(good("subscribers", "export", "--address", "ADA@example.org"))
    assert known["consents"][0]["evidence"]["text"] == "x"
    assert "subscribers" in good("subscribers", "erase", ADA)
    known = json.loads(good("subscribers", "export", "--address", ADA))
    assert [key for key, value in known.items() if value] == ["address", "suppressed"]
    assert "allow" in misuse("subscribe", ADA, "my-papers")
    assert "may be written to" in good("subscribers", "allow", ADA)
    assert "asked" in good("subscribe", ADA, "my-papers")
    assert "never written to" in good("subscribers", "suppress", ADA, "--reason", "bounce")
    assert "suppressed: bounce" in good("subscribers", "list")


def test_keys_are_told_by_number_and_never_shown(home: Path) -> None:
    secret = (home / "digest.keys").read_text().split()[-1]
    assert good("keys") == "key 1 signs\n"
    said = good("keys", "--rotate")
    assert said.startswith("added key 2; a `digest serve` that runs takes it up by itself")
    assert said.endswith("key 1\nkey 2 signs\n")
    assert secret not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["subscribe", "ada", "my-papers"], "not an e-mail address"),
        (["subscribe", ADA, "my-paper"], "did you mean 'my-papers'?"),
        (["subscribe", ADA, "my-papers", "--evidence", "a\0b"], "evidence: "),
        (["unsubscribe", ADA, "my-paper"], "did you mean 'my-papers'?"),
        (["subscribers", "list", "--state", "gone"], "is not one of unconfirmed"),
        (["subscribers", "list", "my-paper"], "did you mean"),
        (["subscribers", "import", "nothing.csv"], "cannot read nothing.csv"),
        (["subscribers", "import", "."], "cannot read ."),
        (["subscribers", "import", "digest.toml"], "line 1: unknown column"),
        (["subscribers", "export", "no/where.csv"], "cannot write no/where.csv"),
        (["subscribers", "suppress", ADA, "--reason", "x"], "is not one of bounce"),
        (["subscribers", "erase", "ada"], "not an e-mail address"),
    ],
)
def test_misuse_of_the_commands_is_said_with_what_to_do(
    home: Path, words: list[str], said: str
) -> None:
    assert said in misuse(*words)


def test_status_tells_of_subscribers_and_what_should_be_mended(home: Path) -> None:
    good("subscribe", ADA, "my-papers")
    good("subscribers", "suppress", BEN)
    said = good("status")
    assert "subscribers of my-papers: 1 unconfirmed" in said
    assert "suppressed: 1 operator" in said
    assert "asks: 1 confirm" in said
    assert "notices: 1 sent" in said
    assert "warning: List-Unsubscribe leads to http://127.0.0.1:8080: mail providers" in said
    (home / "digest.keys").chmod(0o644)
    found = json.loads(good("status", "--json"))
    assert found["subscribers"]["digests"] == {"my-papers": {"unconfirmed": 1}}
    assert "chmod 600" in found["warnings"][1]
    file = home / "digest.toml"
    file.write_text('base_url = "https://papers.example.org"\n' + file.read_text())
    (home / "digest.keys").chmod(0o600)
    assert json.loads(good("status", "--json"))["warnings"] == []
