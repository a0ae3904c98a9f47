"""What staff do with texts in a terminal, without any node: plan, send, list, hold, trace, send again."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from sms.messages import Change, State
from sms.people.verdicts import SEND, Reason, Refuse, Verdict, Wait
from tellerline.cli import main
from tellerline.config import load_config
from tellerline.texts.office import SmsOffice, open_sms_office
from tellerline.texts.orders import Obedient
from tellerline.texts.shelf import Order, What
from tellerline.texts.status import NodeStatus

WANG = "+8613900000001"
TEXT = "Your new card is ready for you at the counter."
SETTINGS = """
[server]
state_dir = "{state}"
[sms]
[sms.people]
quiet = ""
[[sms.operators]]
name = "north"
prefixes = ["+86"]
cost = 3
[[sms.operators.binds]]
host = "127.0.0.1"
port = 1
[[sms.operators]]
name = "south"
cost = 1
[[sms.operators.binds]]
host = "127.0.0.1"
port = 1
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "tellerline.toml"
    file.write_text(SETTINGS.format(state=tmp_path / "state"), encoding="utf-8")
    return file


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: Path) -> Iterator[Run]:
    """Runs the command line with olga's token in the environment."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("TELLERLINE_CONFIG", str(settings))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("COLUMNS", raising=False)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tellerline", *arguments])
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
        printed = capsys.readouterr()
        return int(str(code)), printed.out, printed.err

    token = command("people", "add", "olga", "--role", "operator")[1].strip()
    monkeypatch.setenv("TELLERLINE_TOKEN", token)
    yield command
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def at_the_office(settings: Path, work: Callable[[SmsOffice], Any]) -> Any:
    async def opened() -> Any:
        async with open_sms_office(load_config(settings, {})) as office:
            return await work(office)

    return asyncio.run(opened())


def send(run: Run, *more: str, to: str = WANG) -> str:
    code, told, error = run("sms", "send", "--to", to, "--text", TEXT, "--by", "olga", *more)
    assert code == 0, error
    return told.strip()


def end(settings: Path, id_: str, state: State, detail: str = "", *, waits: bool = False) -> None:
    """Let an operator have taken a text, and say what became of it."""

    async def work(office: SmsOffice) -> None:
        now = time.time()
        await office.lives.note(id_, Change(now, State.SENT, 1, "north/main"), 1)
        await office.lives.note(id_, Change(now, state, 1, "north/main", "7a31", detail), 1)
        redis: Any = office.shelf._redis
        if not waits:
            await redis.delete("tellerline:{sms}:outbox:nobody")

    at_the_office(settings, work)


# --- send ---


def test_a_dry_run_tells_what_would_happen_and_stores_nothing(run: Run) -> None:
    code, told, _ = run("sms", "send", "--to", "13900000001", "--text", TEXT * 5, "--dry-run")
    assert code == 0
    assert "+86139****0001" in told
    assert "2 in GSM 03.38" in told
    assert re.search(r"operator +north", told)  # the longest prefix, though the other one is cheaper
    assert "may be sent" in told
    assert re.search(r"cost +6", told)
    assert "nothing waits" in run("sms", "outbox")[1]
    found = json.loads(run("sms", "send", "--to", WANG, "--text", "余额", "--dry-run", "--format", "json")[1])
    assert (found["alphabet"], found["operator"], found["parts"]) == ("UCS2", "north", 1)
    assert [one["operator"] for one in found["candidates"]] == ["north", "south"]


def test_a_text_is_stored_sealed_for_the_next_node_and_its_life_begins(run: Run, settings: Path) -> None:
    id_ = send(run)
    code, told, _ = run("sms", "trace", id_)
    assert code == 0
    assert "alert, not cut yet, of staff:olga: queued" in told
    assert "+86139****0001" in told
    assert WANG not in told
    (row,) = json.loads(run("sms", "outbox", "--format", "json")[1])["texts"]
    assert (row["id"], row["node"], row["purpose"], row["operator"]) == (id_, "nobody", "alert", "north")

    async def all_bytes(office: SmsOffice) -> bytes:
        redis: Any = office.shelf._redis
        return b"".join([await redis.dump(key) or b"" for key in await redis.keys("*")])

    stored = at_the_office(settings, all_bytes)
    assert b"card" not in stored
    assert b"13900000001" not in stored


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "12", "--text", "x", "--by", "olga"), "is no number"),
        (("--to", WANG, "--text", "x", "--by", "olga", "--purpose", "code"), "the bank makes those itself"),
        (("--to", WANG, "--text", "  ", "--by", "olga"), "empty"),
        (("--to", WANG, "--text", "x" * 5000, "--by", "olga"), "4000 at most"),
        (("--to", WANG, "--text", "x", "--by", "olga", "--operator", "west"), "no operator 'west'"),
        (("--to", WANG, "--text", "x", "--by", "olga", "--from", "OTHERBANK"), "sender not allowed"),
        (("--to", WANG, "--text", "x", "--by", "anna"), "not anna's"),
    ],
)
def test_what_is_not_to_be_sent_is_refused_and_nothing_is_stored(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    code, told, error = run("sms", "send", *arguments)
    assert (code, told) == (1, "")
    assert words in " ".join(error.split())
    assert "nothing waits" in run("sms", "outbox")[1]


def test_without_a_person_or_a_number_nothing_is_begun(run: Run) -> None:
    assert run("sms", "send", "--to", WANG, "--text", "x")[0] == 2
    assert run("sms", "send", "--text", "x", "--by", "olga")[0] == 2
    assert run("sms", "send", "--to-file", "x.csv", "--text", "x", "--by", "olga")[0] == 2


def test_a_campaign_texts_every_number_once_however_often_it_is_run(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "vips.csv"
    file.write_text("name,number\nWang,+8613900000001\nLi,13900000002\nnobody,hello\n\nWang,13900000001\n")
    arguments = ("sms", "send", "--to-file", str(file), "--campaign", "spring", "--text", TEXT)
    code, told, error = run(*arguments, "--dry-run")
    assert code == 1  # lines were refused
    assert "2 would be texted, 0 were before, 2 lines refused" in told
    assert "line 4: 'hello' is no number" in error
    assert "line 6: +86139****0001 is there already, in line 2" in error
    assert "cost: 6 for 1 part(s) each" in told
    assert run(*arguments, "--by", "olga")[1].startswith("campaign spring: 2 texted, 0 were before")
    file.write_text("number\n13900000001\n13900000002\n13900000003\n")
    code, told, _ = run(*arguments, "--by", "olga")
    assert (code, told.strip()) == (0, "campaign spring: 1 texted, 2 were before")
    found = json.loads(run(*arguments, "--by", "olga", "--format", "json")[1])
    assert (found["texted"], found["texted_before"]) == (0, 3)
    rows = json.loads(run("sms", "outbox", "--format", "json")[1])["texts"]
    assert len(rows) == 3
    assert {row["purpose"] for row in rows} == {"campaign"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no number in it"),
        (b"name,city\nWang,Berlin\n", "no column of numbers"),
        (b"\xff\xfe1\x00", "not UTF-8"),
    ],
)
def test_a_file_without_numbers_is_told(run: Run, tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    code, _, error = run("sms", "send", "--to-file", str(file), "--campaign", "x", "--text", "x", "--dry-run")
    assert code != 0
    assert words in error


# --- trace ---


def test_a_number_lists_its_texts_and_an_operator_s_id_finds_one(run: Run, settings: Path) -> None:
    first, second = send(run), send(run)
    end(settings, first, State.DELIVERED, "DELIVRD")
    code, told, _ = run("sms", "trace", "13900000001")
    assert code == 0
    assert told.index(second) < told.index(first)  # the newest first
    assert WANG not in told
    code, told, _ = run("sms", "trace", first)
    assert "delivered" in told
    assert "from beginning to end" in told
    assert "7a31" in told
    found = json.loads(run("sms", "trace", first, "--format", "json")[1])["texts"][0]
    assert [change["state"] for change in found["changes"]] == ["queued", "sent", "delivered"]
    code, told, error = run("sms", "trace", "no-such-text")
    assert (code, told) == (1, "")
    assert "nothing is known" in error


# --- outbox ---


def test_a_text_that_waits_is_held_released_and_given_up_by_an_operator(run: Run) -> None:
    id_ = send(run)
    assert run("sms", "outbox", "hold", id_, "--by", "olga")[0] == 0
    assert "held, by staff:olga" in run("sms", "outbox")[1]
    assert run("sms", "outbox", "release", id_, "--by", "olga")[0] == 0
    assert json.loads(run("sms", "outbox", "--format", "json")[1])["texts"][0]["order"] is None
    code, _, error = run("sms", "outbox", "release", id_, "--by", "olga")
    assert code == 1
    assert "nothing was ordered" in error
    assert run("sms", "outbox", "give-up", id_, "--by", "olga")[0] == 0
    assert json.loads(run("sms", "outbox", "--format", "json")[1])["texts"][0]["order"] == "give_up"
    code, _, error = run("sms", "outbox", "hold", "staff-0000000000000000", "--by", "olga")
    assert code == 1
    assert "trace" in error


def test_only_what_waits_too_long_is_stuck(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = send(run)
    assert "nothing waits" in run("sms", "outbox", "--stuck")[1]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 901)
    assert id_ in run("sms", "outbox", "--stuck")[1]
    monkeypatch.setenv("TELLERLINE_SMS_PEOPLE_QUIET", "00:00-23:59")
    assert "nothing waits" in run("sms", "outbox", "--stuck")[1]


class Kind:
    """Lets everything through."""

    async def judge(self, outgoing: Any, now: float) -> Verdict:
        return SEND


async def test_a_node_obeys_orders_before_people_s_rules_and_keeps_them_while_the_store_is_away() -> None:
    orders: dict[str, Order] = {}
    away = False

    async def read() -> dict[str, Order]:
        if away:
            raise OSError("gone")
        return dict(orders)

    class Text:
        id = "staff-1"

    judge, text = Obedient(Kind(), read), Text()
    assert await judge.judge(text, 100.0) is SEND  # type: ignore[arg-type]  # only its id is looked at
    orders["staff-1"] = Order(What.HOLD, "staff:olga")
    await judge.look()
    assert await judge.judge(text, 100.0) == Wait(105.0, "held")  # type: ignore[arg-type]
    away = True
    await judge.look()
    assert await judge.judge(text, 100.0) == Wait(105.0, "held")  # type: ignore[arg-type]
    away, orders["staff-1"] = False, Order(What.GIVE_UP, "staff:olga")
    await judge.look()
    assert await judge.judge(text, 100.0) == Refuse(Reason.GIVEN_UP, "by staff:olga")  # type: ignore[arg-type]


# --- replay ---


def test_what_did_not_arrive_is_shown_asked_for_and_sent_again_under_its_id(run: Run, settings: Path) -> None:
    good, bad = send(run), send(run)
    end(settings, good, State.DELIVERED)
    end(settings, bad, State.UNDELIVERABLE, "UNDELIV err 034")
    code, told, _ = run("sms", "replay", "--state", "undeliverable", "--dry-run")
    assert code == 0
    assert bad in told
    assert good not in told
    assert "UNDELIV err 034" in told
    assert "nothing waits" in run("sms", "outbox")[1]
    code, told, error = run("sms", "replay", "--state", "undeliverable", "--by", "olga")
    assert code == 1
    assert "add --yes" in error  # no terminal: nobody was asked
    assert "nothing waits" in run("sms", "outbox")[1]
    code, told, _ = run("sms", "replay", "--state", "undeliverable", "--by", "olga", "--yes")
    assert (code, "1 stored to be sent again" in told) == (0, True)
    (row,) = json.loads(run("sms", "outbox", "--format", "json")[1])["texts"]
    assert row["id"] == bad
    found = json.loads(run("sms", "trace", bad, "--format", "json")[1])["texts"][0]
    assert found["state"] == "queued"
    assert found["changes"][-1]["detail"] == "again, by staff:olga"
    assert "nothing to send again" in run("sms", "replay", "--state", "undeliverable", "--by", "olga", "--yes")[1]


def test_two_who_send_again_at_once_send_once(run: Run, settings: Path) -> None:
    id_ = send(run)
    end(settings, id_, State.UNKNOWN)

    async def work(office: SmsOffice) -> tuple[str | None, str | None, int]:
        person = (await office.people.all())[0]
        candidate = await office.candidate(id_)
        first = await office.replay(candidate, person)
        second = await office.replay(candidate, person)
        return first, second, len(await office.waiting())

    assert at_the_office(settings, work) == ("nobody", None, 1)


def test_a_receipt_that_comes_between_the_look_and_the_act_stops_it(run: Run, settings: Path) -> None:
    id_ = send(run)
    end(settings, id_, State.UNKNOWN)

    async def work(office: SmsOffice) -> tuple[str | None, int]:
        person = (await office.people.all())[0]
        candidate = await office.candidate(id_)
        await office.lives.note(id_, Change(time.time(), State.DELIVERED, 1, "north/main", "7a31"), 1)
        return await office.replay(candidate, person), len(await office.waiting())

    assert at_the_office(settings, work) == (None, 0)


@pytest.mark.parametrize(
    ("state", "detail", "words"),
    [
        (State.DELIVERED, "", "it is delivered"),
        (State.ACCEPTED, "", "it is accepted"),
        (State.REJECTED, "stopped", "people's rules say never"),
    ],
)
def test_what_arrived_or_was_refused_for_good_is_not_sent_again(
    run: Run, settings: Path, state: State, detail: str, words: str
) -> None:
    id_ = send(run)
    end(settings, id_, state, detail)
    code, _, error = run("sms", "replay", id_, "--by", "olga", "--yes")
    assert code == 1
    assert words in error
    assert "nothing waits" in run("sms", "outbox")[1]


def test_every_act_is_in_the_audit_chain_under_its_person(run: Run, settings: Path) -> None:
    id_ = send(run)
    run("sms", "outbox", "hold", id_, "--by", "olga")
    run("sms", "outbox", "release", id_, "--by", "olga")
    end(settings, id_, State.EXPIRED)
    run("sms", "replay", id_, "--by", "olga", "--yes")

    with sqlite3.connect(settings.parent / "state" / "bank.db") as bank:
        bodies = [json.loads(body) for (body,) in bank.execute("SELECT body FROM audit ORDER BY seq")]
    bank.close()
    found = [tuple(body[1:4]) for body in bodies if body[2].startswith("sms.")]
    assert found == [("staff:olga", f"sms.{act}", f"sms:{id_}") for act in ("send", "hold", "release", "replay")]


# --- binds ---


def test_without_a_node_every_bind_is_down_and_the_exit_code_says_so(run: Run) -> None:
    code, told, _ = run("sms", "binds")
    assert code == 1
    assert told.count("no node has it") == 2
    found = json.loads(run("sms", "binds", "--format", "json")[1])
    assert found == {"nodes": [], "down": ["north/main", "south/main"]}


def test_what_nodes_said_is_shown_with_how_long_ago(run: Run, settings: Path) -> None:
    bind = {"name": "north/main", "bound": True, "window": 50, "in_flight": 7, "per_second": 100.0, "rate": 42.5}
    elsewhere = {"name": "south/main", "bound": False, "held": False, "holder": "node-b", "throttled_s": 3.0}
    told = {"binds": [bind, elsewhere], "queues": {"code": {"depth": 3, "oldest_s": 75.0}}}

    async def work(office: SmsOffice) -> list[NodeStatus]:
        await office.board.tell("node-a", told)
        await office.board.tell("node-c", {"stopped": True})
        return await office.nodes()

    nodes = at_the_office(settings, work)
    assert [(node.node, node.running) for node in nodes] == [("node-a", True), ("node-c", False)]
    assert not replace(nodes[0], age_s=11.0).running
    code, shown, _ = run("sms", "binds")
    assert code == 1  # the other one is up nowhere
    for words in ("7 / 50", "42.5 / 100", "held by node-b", "code 3 (oldest 1 min 15 s)"):
        assert words in shown
