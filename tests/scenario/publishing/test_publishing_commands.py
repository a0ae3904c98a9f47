"""From a folder to the callers and back: init, check, publish, approve, roll back, and everything that is refused."""

from __future__ import annotations

import asyncio
import datetime
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import typer
from redis.asyncio import Redis as AsyncRedis

from flows.releases.bundle import Bundle, bundle_of, version_of
from flows.releases.register import Releases
from sounds.catalogue import Catalogue
from tellerline.cli.flows.notices import moment
from tellerline.publishing import RECORD, Begun
from tests.scenario.publishing.conftest import CONVERSATION, FLOW, Line

SLOWER = ("timeout: 6s", "timeout: 7s")


def test_from_a_new_folder_to_a_live_change_and_back(line: Line) -> None:
    """The whole way with the flow that comes with it: it moves money, so somebody else approves."""
    line.hire(anna="author approver", ben="approver")
    made = line.run("flows", "init", line.folder)
    assert made.returncode == 0, made.said
    assert "tellerline flows publish" in made.stdout
    line.set(sounds_dir=line.folder / "sounds")
    for file in sorted((line.folder / "conversations").rglob("*.yaml"))[1:]:
        file.unlink()  # one is enough here; all of them take their time

    line.edit("no_match:", "no_mach:")
    broken = line.run("check", line.folder / "retail.yaml")
    assert broken.returncode == 1
    refused = line.publish()
    assert refused.returncode == 1
    assert "retail.yaml:" in refused.stdout
    assert "Did you mean 'no_match'?" in refused.stdout
    assert line.live() is None
    line.edit("no_mach:", "no_match:")

    published = line.publish("anna", "The first version of our own")
    assert published.returncode == 0, published.said
    assert "waits for an approval" in published.stdout
    assert "ben may approve it" in published.stdout
    assert line.live() is None
    version = line.standing()["pending"]["version"]
    assert line.standing()["may_approve"] == ["ben"]
    own = line.as_("anna", "approve", "latest")
    assert own.returncode == 1
    assert "anna's own work: somebody else must approve it" in own.stderr
    approved = line.as_("ben", "approve", version[:6])
    assert approved.returncode == 0, approved.said
    assert (line.live(), line.standing()["pending"]) == (version, None)

    line.edit("flow: retail", "# More time for the elderly\nflow: retail")
    assert line.publish("anna", "More time for the elderly").returncode == 0
    assert line.as_("ben", "approve", "latest").returncode == 0
    assert line.live() not in (version, None)
    back = line.as_("ben", "rollback", "-m", "They hang up")
    assert back.returncode == 0, back.said
    assert line.live() == version
    log = line.run("flows", "log", "--format", "json").data["entries"]
    assert [(one["act"], one["state"], one["author"], one["approver"]) for one in log] == [
        ("rollback", "live", "ben", None),
        ("publish", "rolled_back", "anna", "ben"),
        ("publish", "superseded", "anna", "ben"),
    ]
    shown = line.run("flows", "log").stdout
    assert "They hang up" in shown
    assert version in shown


def test_nothing_that_fails_its_conversations_goes_live(staffed: Line) -> None:
    staffed.write(conversation=CONVERSATION.replace("hear: goodbye", "hear: try_later"))
    refused = staffed.publish()
    assert refused.returncode == 1
    assert "expected to hear" in refused.stdout
    assert "short.yaml:5" in refused.stdout
    assert "1 of 1 conversations went otherwise" in refused.stderr
    data = staffed.publish("anna", "x", "--format", "json")
    assert data.returncode == 1
    assert data.data["done"] is False
    assert "short.yaml:5" in data.data["failed"][0]["place"]
    assert staffed.live() is None
    assert staffed.run("flows", "log", "--format", "json").data["entries"] == []


def test_a_flow_that_moves_no_money_is_live_at_once_and_the_same_again_is_told(staffed: Line) -> None:
    published = staffed.publish("anna", "x", "--format", "json").data
    assert published["live"] is True
    assert published["conversations"] == 1
    assert staffed.live() == published["entry"]["version"]
    again = staffed.publish()
    assert again.returncode == 1
    assert "is live already" in again.stderr
    staffed.edit("say: [goodbye]", "say: [goodbye, goodbye]")
    changed = staffed.publish()
    assert "changes: 1 step changed" in changed.stdout


def test_four_eyes_can_be_wanted_for_every_flow_and_an_edit_voids_what_waited(staffed: Line) -> None:
    staffed.set(flows_four_eyes="always")
    first = staffed.publish("anna", "one", "--format", "json").data["entry"]["version"]
    staffed.edit(*SLOWER)
    second = staffed.publish("anna", "two", "--format", "json").data["entry"]["version"]
    void = staffed.as_("ben", "approve", first)
    assert void.returncode == 1
    assert f"does not wait for an approval: {second} does" in void.stderr
    assert staffed.live() is None
    assert staffed.as_("ben", "approve", second).returncode == 0
    assert staffed.live() == second
    staffed.edit("timeout: 7s", "timeout: 8s")
    assert (done := staffed.publish("ben", "three")).returncode == 0, done.said
    assert staffed.as_("ben", "approve", "latest").returncode == 1
    assert staffed.as_("anna", "approve", "latest", "--format", "json").data["entry"]["approver"] == "anna"


def test_what_waits_is_taken_back_by_its_author_or_refused_by_an_approver(staffed: Line) -> None:
    staffed.hire(carl="author")
    staffed.set(flows_four_eyes="always")
    assert (done := staffed.publish("anna")).returncode == 0, done.said
    stranger = staffed.as_("carl", "withdraw")
    assert stranger.returncode == 1
    assert "is anna's" in stranger.stderr
    assert staffed.as_("anna", "withdraw").returncode == 0
    assert "waits for an approval: publish first" in staffed.as_("anna", "withdraw").stderr
    assert (done := staffed.publish("anna")).returncode == 0, done.said
    assert staffed.as_("ben", "withdraw").returncode == 0
    assert "withdrawn by ben" in staffed.run("flows", "log").stdout
    assert staffed.standing()["pending"] is None


def test_a_draft_reaches_nobody_and_says_where_it_can_be_called(staffed: Line) -> None:
    assert "set flows.draft_number" in staffed.publish("anna", "to listen to", "--draft").stdout
    staffed.set(flows_draft_number="95501")
    assert "call 95501" in staffed.publish("anna", "to listen to", "--draft").stdout
    assert staffed.live() is None
    staffed.write(FLOW.replace("goodbye", "gooodbye"))
    assert staffed.publish("anna", "broken", "--draft").returncode == 1
    staffed.write(conversation=CONVERSATION.replace("goodbye", "try_later"))
    assert staffed.publish("anna", "its conversation is not ready", "--draft").returncode == 0
    assert "95501" in staffed.run("flows", "status").stdout
    assert staffed.standing()["draft"]["author"] == "anna"


def test_what_somebody_else_published_meanwhile_is_not_lost_without_a_word(staffed: Line) -> None:
    other = staffed.home / "other"
    assert (done := staffed.publish("anna", "the first")).returncode == 0, done.said
    shutil.copytree(staffed.folder, other)  # as a repository would: what it began from travels with it
    staffed.edit(*SLOWER, other)
    assert staffed.publish("ben", "ben's", other).returncode == 0
    bens = staffed.live()
    staffed.edit("timeout: 6s", "timeout: 9s")
    refused = staffed.publish("anna", "anna's")
    assert refused.returncode == 1
    assert "has moved on" in refused.stderr
    assert staffed.live() == bens
    assert staffed.publish("anna", "anna's, with ben's seen", "--onto-live").returncode == 0
    assert staffed.live() != bens
    (staffed.folder / RECORD).write_text("{broken")  # nothing is known then: what is live is what it is made over
    staffed.edit("timeout: 9s", "timeout: 5s")
    assert staffed.publish("anna", "again").returncode == 0


@pytest.mark.parametrize(
    ("begun", "live", "parent"),
    [
        (Begun(), "a", "a"),  # nothing is known of the folder
        (Begun(), None, None),
        (Begun("a"), "a", "a"),
        (Begun("a", "b"), "a", "a"),  # its own proposal still waits, or was refused
        (Begun("a", "b"), "b", "b"),  # or is live
        (Begun("a", "b"), "c", "a"),  # somebody else's is
        (Begun(None, "b"), "b", "b"),  # the first of all was its own
        (Begun(None, "b"), "c", None),
    ],
)
def test_a_version_is_made_over_what_its_folder_knows_of(begun: Begun, live: str | None, parent: str | None) -> None:
    assert begun.parent(live) == parent


@pytest.mark.parametrize("given", ["wrong", "revoked", "another's", "without the role"])
def test_a_token_that_proves_nothing_publishes_nothing(staffed: Line, given: str) -> None:
    staffed.hire(carl="author")
    if given == "revoked":
        assert staffed.run("people", "revoke", "carl", token=staffed.tokens["olga"]).returncode == 0
    token = {
        "wrong": "tellerline_" + "A" * 43,
        "revoked": staffed.tokens["carl"],
        "another's": staffed.tokens["ben"],
        "without the role": staffed.tokens["olga"],
    }[given]
    by = "olga" if given == "without the role" else "carl"
    refused = staffed.run("flows", "publish", "-m", "x", "--by", by, token=token)
    assert refused.returncode == 1
    assert token not in refused.said
    assert "Traceback" not in refused.said
    assert staffed.live() is None


def test_a_token_comes_from_a_private_file_the_environment_or_a_prompt_and_nowhere_else(staffed: Line) -> None:
    file = staffed.home / "anna.token"
    file.write_text(staffed.tokens["anna"] + "\n")
    file.chmod(0o644)
    arguments = ("flows", "publish", "-m", "x", "--by", "anna")
    opened = staffed.run(*arguments, "--token-file", file)
    assert opened.returncode == 2
    assert "is open to others (644)" in opened.stderr
    assert f"chmod 600 {file}" in opened.stderr
    file.chmod(0o600)
    assert staffed.run(*arguments, "--token-file", file).returncode == 0
    assert staffed.run(*arguments).returncode == 2  # nobody at a terminal to ask
    assert "no such option" in staffed.run(*arguments, "--token", "x").stderr.casefold()
    for missing in (staffed.home / "none", staffed.home):
        assert staffed.run(*arguments, "--token-file", missing).returncode == 2
    file.write_text("\n")
    assert "is empty" in staffed.run(*arguments, "--token-file", file).stderr


def test_only_an_operator_names_people_once_there_is_one(staffed: Line) -> None:
    refused = staffed.run("people", "add", "eve", "--role", "approver", token=staffed.tokens["anna"])
    assert refused.returncode == 1
    assert staffed.run("people", "add", "eve", "--role", "approver").returncode == 1
    rotated = staffed.run("people", "rotate", "ben", token=staffed.tokens["olga"])
    assert re.fullmatch(r"tellerline_[\w-]{43}\n", rotated.stdout)  # nothing else: it can go straight into a file
    assert "not shown again" in rotated.stderr
    listed = staffed.run("people", "list", "--format", "json").data["people"]
    assert {one["name"]: one["roles"] for one in listed}["anna"] == ["approver", "author"]
    assert "active" in staffed.run("people", "list").stdout


def test_a_flow_that_no_conversation_tries_is_not_published(staffed: Line) -> None:
    (staffed.folder / "conversations" / "short.yaml").unlink()
    refused = staffed.publish()
    assert refused.returncode == 1
    assert "no conversation tries this flow" in refused.stderr


def test_a_text_whose_recording_says_something_else_is_not_published(staffed: Line) -> None:
    catalogue = staffed.folder / "sounds" / "catalogue"
    catalogue.mkdir(parents=True)
    (catalogue / "en.yaml").write_text('welcome: {say: "Good morning."}\n')
    elsewhere = staffed.publish()
    assert elsewhere.returncode == 1
    assert "has sounds of its own" in elsewhere.stderr
    staffed.set(sounds_dir=staffed.folder / "sounds")
    stale = staffed.publish()
    assert stale.returncode == 1
    assert "en/welcome: the audio says" in stale.stdout
    assert "'Good morning.'" in stale.stdout


def test_recordings_of_an_operator_are_put_aside_for_the_version_that_plays_them(staffed: Line) -> None:
    (staffed.folder / "sounds" / "catalogue").mkdir(parents=True)
    (staffed.folder / "sounds" / "catalogue" / "en.yaml").write_text("{}\n")
    staffed.set(sounds_dir=staffed.folder / "sounds")
    assert staffed.publish().returncode == 0
    kept = {file.suffix for file in (staffed.folder / "sounds" / "audio" / "kept").iterdir()}
    assert kept == {".wav"}


def test_staff_switch_notices_of_the_live_flow_without_a_new_version(staffed: Line) -> None:
    early = staffed.as_("olga", "notice", "on", "outage")
    assert early.returncode == 1
    assert "nothing of flow 'retail' is live yet" in early.stderr
    assert (done := staffed.publish()).returncode == 0, done.said
    live = staffed.live()
    assert staffed.as_("anna", "notice", "on", "outage").returncode == 1  # writes, does not operate
    assert "Did you mean 'outage'?" in staffed.as_("olga", "notice", "on", "outtage").stderr
    until = staffed.as_("olga", "notice", "on", "outage", "--until", "18:00")
    assert re.search(r"notice 'outage' is on until \d{4}-\d\d-\d\d 18:00", until.stdout)
    assert staffed.standing()["notices"][0]["by"] == "olga"
    assert "on" in staffed.run("flows", "notice", "list").stdout
    assert staffed.as_("olga", "notice", "off", "outage").returncode == 0
    assert staffed.run("flows", "notice", "list", "--format", "json").data["notices"][0]["on"] is False
    assert staffed.standing()["notices"] == []
    assert staffed.live() == live


@pytest.mark.parametrize(
    ("text", "expected"),
    [("18:00", "2026-03-02T18:00"), ("9:30", "2026-03-03T09:30"), ("2026-03-05 07:00", "2026-03-05T07:00")],
)
def test_a_time_is_the_next_one_in_the_flows_own_zone(text: str, expected: str) -> None:
    now = datetime.datetime(2026, 3, 2, 4, 0, tzinfo=datetime.UTC)  # noon in Shanghai
    zone = ZoneInfo("Asia/Shanghai")
    assert moment(text, zone, now) == datetime.datetime.fromisoformat(expected).replace(tzinfo=zone)


@pytest.mark.parametrize("text", ["24:00", "soon", "2026-03-01 10:00", "2029-01-01 00:00", "18:00:00", ""])
def test_a_time_that_is_none_or_has_passed_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        moment(text, ZoneInfo("Asia/Shanghai"), datetime.datetime(2026, 3, 2, 4, 0, tzinfo=datetime.UTC))


def test_a_version_that_this_software_finds_wrong_is_not_approved(staffed: Line, store_url: str) -> None:
    """As one that an older or a tampering node proposed: what waits is checked again by whoever approves."""
    staffed.set(flows_four_eyes="always")
    assert staffed.publish("anna").returncode == 0
    made = bundle_of(staffed.folder / "retail.yaml", Catalogue.load())
    for before, after in (("goodbye", "gooodbye"), ("steps:", "stepps:")):
        wrong = replace(made, files={"retail.yaml": FLOW.replace(before, after)})
        wrong = replace(wrong, version=version_of(wrong))

        async def propose(bundle: Bundle = wrong) -> None:
            async with AsyncRedis.from_url(store_url) as redis:
                at = datetime.datetime.now(datetime.UTC)
                releases = Releases(redis)
                await releases.propose(bundle, author="mallory", message="m", parent=None, needs_approval=True, at=at)

        asyncio.run(propose())
        refused = staffed.as_("ben", "approve", wrong.version)
        assert refused.returncode == 1
        assert "retail.yaml:" in refused.stdout
        assert wrong.version in refused.stderr
        assert staffed.live() is None


def test_who_sits_at_a_terminal_is_asked_for_the_token_without_showing_it(
    staffed: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def hidden(prompt: str) -> str:
        asked.append(prompt)
        return staffed.tokens["anna"]

    monkeypatch.setattr("getpass.getpass", hidden)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    assert staffed.run("flows", "publish", "-m", "x", "--by", "anna").returncode == 0
    assert asked == ["Token of anna: "]


def test_going_back_needs_an_approver_or_an_operator_and_a_version_that_was_live(staffed: Line) -> None:
    staffed.hire(carl="author")
    assert (done := staffed.publish("anna", "one")).returncode == 0, done.said
    first = staffed.live()
    assert "no earlier version" in staffed.as_("olga", "rollback", "-m", "x").stderr
    staffed.edit(*SLOWER)
    assert (done := staffed.publish("anna", "two")).returncode == 0, done.said
    assert staffed.as_("carl", "rollback", "-m", "x").returncode == 1
    assert "no version ffffff" in staffed.as_("olga", "rollback", "ffffff", "-m", "x").stderr
    assert staffed.as_("olga", "rollback", str(first)[:8], "-m", "back").returncode == 0
    assert staffed.live() == first


def test_every_act_is_in_the_audit_chain_and_no_token_is_anywhere(staffed: Line) -> None:
    staffed.set(flows_four_eyes="always")
    said = staffed.publish("anna", "one").said + staffed.as_("ben", "approve", "latest").said
    said += staffed.as_("olga", "notice", "on", "outage").said
    said += staffed.run("flows", "publish", "-m", "x", "--by", "anna", token="tellerline_wrong").said
    stored = b"".join(file.read_bytes() for file in (staffed.home / "state").rglob("*") if file.is_file())
    actions = (
        "flow.publish_asked", "flow.proposed", "flow.approve_asked", "flow.approved", "notice.switched_on",
        "staff.token_refused",
    )  # fmt: skip
    for action in actions:
        assert f'"{action}"'.encode() in stored, action
    assert b'"staff:ben","flow.approved","flow:retail"' in stored
    for token in staffed.tokens.values():
        assert token.encode() not in stored
        assert token not in said


def test_init_touches_no_folder_that_has_something_in_it(line: Line) -> None:
    for name in (".git/HEAD", "README.md"):
        (line.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (line.folder / name).write_text("ours")
    assert line.run("flows", "init", line.folder).returncode == 0
    assert (line.folder / "README.md").read_text() == "ours"
    again = line.run("flows", "init", line.folder)
    assert again.returncode == 2
    assert "is not empty" in again.stderr
    file = line.home / "file"
    file.write_text("")
    assert "is a file" in line.run("flows", "init", file).stderr


def test_init_tells_machines_what_it_made_and_a_refusal_as_other_commands_do(line: Line) -> None:
    made = line.run("flows", "init", line.folder, "--format", "json")
    assert made.returncode == 0, made.said
    files = sorted(str(path.relative_to(line.folder)) for path in line.folder.rglob("*") if path.is_file())
    assert made.data == {
        "done": True, "folder": str(line.folder), "flow": "retail.yaml", "settings": "tellerline.toml", "files": files,
    }  # fmt: skip
    again = line.run("flows", "init", line.folder, "--format", "json")
    assert (again.returncode, again.stdout) == (2, "")
    assert "is not empty" in again.stderr


def test_what_init_makes_is_whole_and_nothing_is_wrong_in_it(line: Line) -> None:
    line.run("flows", "init", line.folder)
    made = {str(path.relative_to(line.folder)) for path in line.folder.rglob("*") if path.is_file()}
    assert {
        "retail.yaml", "flow.schema.json", "conversation.schema.json", "sounds/catalogue/zh.yaml",
        "sounds/catalogue/en.yaml", ".vscode/settings.json", "tellerline.toml", "README.md", ".gitignore",
    } <= made  # fmt: skip
    assert any(name.startswith("conversations/") for name in made)
    settings = line.folder / "tellerline.toml"
    shown = line.run("config", "show", "-c", settings)
    assert f"dir = {line.folder}/sounds" in shown.stdout
    checked = line.run("check", line.folder, "-c", settings, "--format", "json")
    assert [finding for finding in checked.data["findings"] if finding["severity"] == "error"] == []


@pytest.mark.parametrize("flow", ["", "flow: [", FLOW + "\nsteps: {}\n", FLOW.replace("goodbye", "gooodbye")])
def test_a_broken_file_is_refused_with_its_place(staffed: Line, flow: str) -> None:
    staffed.write(flow)
    refused = staffed.publish()
    assert refused.returncode == 1
    assert "retail.yaml:" in refused.stdout
    assert "Traceback" not in refused.said


def test_a_folder_that_is_not_there_and_one_without_a_flow_are_told(staffed: Line, tmp_path: Path) -> None:
    assert staffed.publish("anna", "x", tmp_path / "none").returncode == 2
    assert "say what is new" in staffed.publish("anna", "  ").stderr
    assert "there is no flow in" in staffed.publish("anna", "x", tmp_path).stderr
