from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core_client.domain.secret import Secret
from core_client.services.call import Arrival, OperationCall, OperationResult
from core_client.testing.world import world
from flows.store import DEFINITIONS
from tellerline.cli.app import app
from tellerline.config import Config, Flows
from tellerline.errors import ConfigError, ConversationError, ParleyError
from tellerline.trying import conversation as c
from tellerline.trying.asterisk_driver import agents_conf
from tellerline.trying.beside import conversations_of, is_conversation, with_flows_of, with_folder
from tellerline.trying.covering import cover
from tellerline.trying.loader import load_conversation, load_conversation_text
from tellerline.trying.runs import run_conversation
from tellerline.trying.told import ToldDoor
from tellerline.trying.world import DemoCustomers

ME = "+8613900000001"
CALL = f'- call: {{from: "{ME}", to: "95500"}}\n'


def _given(text: str, steps: str = CALL) -> c.Conversation:
    return load_conversation_text(f"conversation: x\ngiven:\n{text}steps:\n{steps}", "x.yaml")


def test_queues_and_notices_are_given() -> None:
    given = _given("  agents: {retail: none, loans: closed}\n  notices: [outage, storm]\n").given
    assert given.agents_of("retail") is c.Agents.NONE
    assert given.agents_of("loans") is c.Agents.CLOSED
    assert given.agents_of("cards") is c.Agents.ANSWER
    assert given.notices == {"outage", "storm"}
    assert _given("  agents: failed\n  notices: outage\n").given == c.Given(
        agents={"*": c.Agents.FAILED}, notices=frozenset({"outage"})
    )


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("  agents: nobody\n", "x.yaml:3:11", "unknown word for agents 'nobody'"),
        ("  agents: {retail: nobody}\n", "x.yaml:3:20", "answer, closed, failed, none"),
        ("  agents: {'re tail': none}\n", "x.yaml:3:12", "is not a name"),
        ("  notices: [a b]\n", "x.yaml:3:13", "is not a name"),
        ("  notices: {outage: true}\n", "x.yaml:3:12", "a text is wanted here"),
        ("  notice: outage\n", "x.yaml:3:3", "Did you mean 'notices'?"),
    ],
)
def test_a_slip_in_what_is_given_has_its_place(text: str, place: str, problem: str) -> None:
    with pytest.raises(ConversationError) as caught:
        _given(text)
    assert str(caught.value).startswith(f"{place}: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("step", "place", "problem"),
    [
        ("- speak: long\n", "x.yaml:4:10", "not a length of time"),
        ("- speak: 5s\n  as: other\n", "x.yaml:4:3", "no call was made 'as: other'"),
        ("- record: 5s\n", "x.yaml:4:3", "Write '- speak: 5s'"),
        ("- bank: {auth.verify_pn: wait}\n", "x.yaml:4:10", "Did you mean 'auth.verify_pin'?"),
        ("- bank: {auth.verify_pin: maybe}\n", "x.yaml:4:27", "unknown outcome 'maybe'"),
        ("- bank: down\n", "x.yaml:4:9", "words with values are wanted here"),
    ],
)
def test_a_slip_in_the_newer_steps_has_its_place(step: str, place: str, problem: str) -> None:
    with pytest.raises(ConversationError) as caught:
        load_conversation_text(f"conversation: x\nsteps:\n{CALL}{step}", "x.yaml")
    assert str(caught.value).startswith(f"{place}: "), str(caught.value)
    assert problem in str(caught.value)


def test_a_notice_that_the_flow_lacks_is_an_error() -> None:
    with pytest.raises(ParleyError, match="no notice 'outrage', which is given") as caught:
        run_conversation(_given("  notices: [outrage]\n"), "engine")
    assert "Did you mean 'outage'?" in str(caught.value)


def test_schedules_go_by_the_time_that_is_given() -> None:
    def heard(at: str) -> str:
        steps = f"{CALL}- hear: main_menu\n- press: '0'\n- silence: 20s\n"
        result = run_conversation(_given(f'  at: "{at}"\n', steps), "engine")
        return result.transcript.plain()

    assert "转接" in heard("2026-03-02T10:15:00+08:00")
    assert "转接" not in heard("2026-03-02T23:15:00+08:00")


# --- the bank's next answer ---------------------------------------------------------------------------------------


class _Bank:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def arrive(self, channel: str, number: str | None) -> Arrival:
        raise NotImplementedError

    async def perform(self, call: OperationCall) -> OperationResult:
        self.asked.append(call.operation)
        return OperationResult("ok")

    async def keep(self, auth_session_id: str) -> None:
        raise NotImplementedError

    def heard(self, call: OperationCall, result: OperationResult) -> None:
        raise NotImplementedError

    def let_go(self, auth_session_id: str) -> None:
        raise NotImplementedError

    async def leave(self, auth_session_id: str) -> None:
        raise NotImplementedError


async def test_what_is_told_in_a_step_holds_once_and_before_what_is_given() -> None:
    bank = _Bank()
    door = ToldDoor(bank, {"accounts.list": c.Told("down")})
    door.tell({"accounts.list": c.Told("refused", "not_permitted")})
    door.tell({"*": c.Told("down"), "auth.verify_pin": c.Told("ok")})

    async def outcome(operation: str) -> str:
        return (await door.perform(OperationCall(operation, {}, "s", "r", "voice"))).outcome

    assert await outcome("accounts.list") == "refused"
    assert await outcome("auth.verify_pin") == "ok"
    assert await outcome("customer.set_language") == "down"
    assert await outcome("customer.set_language") == "ok"
    assert await outcome("accounts.list") == "down"
    assert bank.asked == ["auth.verify_pin", "customer.set_language"]


async def test_a_bank_that_is_told_to_have_nothing_answers_empty_lists() -> None:
    async with world() as bank:
        session = await bank.authenticated(ME)
        door = ToldDoor(bank.core, {"payees.list": c.Told(empty=True), "accounts.balance": c.Told(empty=True)})
        listed = await door.perform(OperationCall("payees.list", {}, session, "r", "voice"))
        assert (listed.outcome, listed.answer) == ("ok", {"payees": (), "count": 0})
        balance = await door.perform(OperationCall("accounts.balance", {}, session, "s", "voice"))
        assert balance.answer["last4"] == "1101"


def test_a_wrong_pin_needs_no_customer() -> None:
    customers = DemoCustomers()
    nobodys = [customers.pin(c.PinOf(wrong=True), caller).reveal() for caller in (None, "+8613912345678")]
    assert nobodys == ["271828", "271828"]
    assert isinstance(customers.pin(c.PinOf(), ME), Secret)
    with pytest.raises(ParleyError):
        customers.pin(c.PinOf(), None)


def test_the_dialplan_of_a_test_asterisk_does_what_its_people_do() -> None:
    text = agents_conf(c.Given(agents={"retail": c.Agents.NONE, "loans": c.Agents.CLOSED}))
    queues = text.split("exten => ")[1:]
    assert [queue.partition(",")[0] for queue in queues] == ["_[a-z]!", "retail", "loans"]
    assert ["answered" in queues[0], "TRANSFER=timeout" in queues[1], "TRANSFER=closed" in queues[2]] == [True] * 3


# --- flows beside conversations -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Answer an operator's folder: one flow of another name, and conversations below it."""
    mine = tmp_path / "mine"
    (mine / "conversations" / "deep").mkdir(parents=True)
    (mine / "shop.yaml").write_text(
        "flow: shop\nlanguages: [en]\nstart: main\ndefaults: {on_fail: bye}\nsteps:\n"
        "  main: {menu: [main_menu], choices: {'1': main, '2': bye}}\n"
        "  bye: {say: [goodbye], hangup: true}\n"
    )
    (mine / "conversations" / "deep" / "bye.yaml").write_text(
        f"conversation: bye\nsteps:\n{CALL}- hear: main_menu\n- press: '2'\n- hear: goodbye\n- ended: true\n"
    )
    return mine


def test_a_conversation_is_played_on_the_flows_it_lies_beside(folder: Path) -> None:
    conversation = load_conversation(folder / "conversations" / "deep" / "bye.yaml")
    config = with_flows_of(Config(), conversation)
    assert (config.flows.dir, config.agi.flow, config.sms.flow) == (folder, "shop", "shop")
    assert run_conversation(conversation, "engine", config=config).passed


def test_settings_that_name_flows_are_obeyed(folder: Path) -> None:
    conversation = load_conversation(folder / "conversations" / "deep" / "bye.yaml")
    config = Config(flows=Flows(dir=DEFINITIONS))
    assert with_flows_of(config, conversation) is config


def test_a_conversation_elsewhere_names_its_flows(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "bye.yaml"
    shutil.copyfile(folder / "conversations" / "deep" / "bye.yaml", file)
    assert with_flows_of(Config(), load_conversation(file)).flows.dir is None
    file.write_text(f"flows: mine\n{file.read_text()}")
    assert with_flows_of(Config(), load_conversation(file)).agi.flow == "shop"
    file.write_text(file.read_text().replace("flows: mine", "flows: theirs"))
    with pytest.raises(ConfigError, match="there is no folder"):
        with_flows_of(Config(), load_conversation(file))


def test_conversations_are_found_below_the_flows_or_are_those_that_ship(folder: Path) -> None:
    assert [file.name for file in conversations_of(with_folder(Config(), folder))] == ["bye.yaml"]
    assert "demo.yaml" in [file.name for file in conversations_of(Config())]
    assert not is_conversation(folder / "shop.yaml")


def test_coverage_of_a_folder_names_what_is_missing(folder: Path) -> None:
    result = CliRunner().invoke(app, ["flows", "coverage", str(folder), "--fail-under", "100"])
    assert result.exit_code == 1, result.output
    assert 'shop.yaml:6: en: step main: key "1"' in result.output
    assert "    call, press 1" in result.output
    data = CliRunner().invoke(app, ["flows", "coverage", str(folder), "--format", "json"])
    assert data.exit_code == 0
    assert '"visited": 2,\n        "of": 2' in data.output


def test_a_conversation_that_fails_fails_the_threshold(folder: Path) -> None:
    file = folder / "conversations" / "again.yaml"
    file.write_text(
        f"conversation: again\nsteps:\n{CALL}- hear: main_menu\n- press: '1'\n- hear: main_menu\n- hear: welcome\n"
    )
    passed = CliRunner().invoke(app, ["flows", "coverage", str(folder)])
    assert passed.exit_code == 0
    assert "again.yaml:7: expected to hear welcome" in passed.output
    assert CliRunner().invoke(app, ["flows", "coverage", str(folder), "--fail-under", "1"]).exit_code == 1


def test_a_language_that_the_flow_lacks_cannot_be_asked_for(folder: Path) -> None:
    result = CliRunner().invoke(app, ["flows", "coverage", str(folder), "--language", "fr"])
    assert result.exit_code == 2
    assert "it speaks en" in " ".join(result.output.replace("│", " ").split())


def test_processes_see_together_what_one_sees_alone() -> None:
    files = conversations_of(Config())[:6]
    told: list[int] = []
    alone = cover(files, Config(), workers=1)
    together = cover(files, Config(), workers=2, progress=told.append)
    assert together.coverage.missing == alone.coverage.missing
    assert together.count == alone.count == sum(told) == 6
    assert alone.failures == ()
    assert alone.coverage.count()[0] > 20
