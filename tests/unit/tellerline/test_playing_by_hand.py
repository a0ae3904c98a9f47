from __future__ import annotations

import asyncio
import datetime
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core_client.adapters import demo_world
from core_client.domain.values import SecretHandle
from core_client.operations import REGISTRY
from flows.dialogue import GatherDigits, Record
from flows.reading.loader import load_flow
from flows.releases.bundle import bundle_of_flow
from flows.store import DEFINITIONS, FixedFlows
from sounds.catalogue import Catalogue
from tellerline.bootstrap import open_releases
from tellerline.cli.app import app
from tellerline.config import Config, Server
from tellerline.play_words import Hands
from tellerline.playing import Play, Scene, Told
from tellerline.releasing import open_flows
from tellerline.trying import conversation as c
from tellerline.trying.loader import load_conversation, load_conversation_text
from tellerline.trying.pace import LEAP, run_paced
from tellerline.trying.recording import proved, received_step, whose_pin
from tellerline.trying.runs import run_conversation
from tellerline.trying.written import written

WANG, STRANGER = "+8613900000001", "+8613912345678"
PINS = {who.pin for who in demo_world.CUSTOMERS}
KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "*", "#")
CATALOGUE = Catalogue.load()
SHIPPED = open_flows(Config(), CATALOGUE)
FLOWS = FixedFlows(*(SHIPPED.current(name) for name in SHIPPED.names))


class Sitting:
    """A person, their lines, and what they saw."""

    def __init__(self, number: str | None = WANG, *, chat: bool = False) -> None:
        self.scene = Scene(Config(), c.Given(), number, FLOWS, CATALOGUE)
        self.chat = chat
        self.told: list[Told] = []
        self.answers: list[str] = []
        self.saved: list[str] = []

    def play(self, *lines: str, look: Callable[[Play], None] = lambda play: None) -> c.Conversation:
        """Type ``lines`` and answer the recording."""

        async def sit() -> c.Conversation:
            async with Play(self.scene, self.told.append) as play:
                hands = self.hands(play)
                await hands.begin()
                for line in lines:
                    if not await hands.take(line):
                        break
                look(play)
                return play.recorded("by hand")

        return run_paced(sit, LEAP)

    def hands(self, play: Play) -> Hands:
        return Hands(play, chat=self.chat, tell=self.answers.append, save=self.saved.append)

    def proved(self, recorded: c.Conversation) -> c.Conversation:
        return proved(recorded, lambda made: run_conversation(made, "engine", flows=FLOWS, catalogue=CATALOGUE))

    @property
    def ids(self) -> list[str]:
        return [told.ids for told in self.told]


def test_a_call_is_heard_and_recorded() -> None:
    sitting = Sitting()
    recorded = sitting.play("2", ".pin", "#")
    assert any("your_balance_is, {money" in ids for ids in sitting.ids)
    assert [type(step).__name__ for step in recorded.steps][-4:] == ["Hear", "Press", "Hear", "Ended"]
    assert sitting.proved(recorded) == recorded


def test_a_pin_typed_in_full_is_recorded_as_whose_it_is() -> None:
    recorded = Sitting().play("2", "739154", ".hangup")
    assert "739154" not in written(recorded)
    assert [step.keys for step in recorded.steps if isinstance(step, c.Press)] == ["2", c.PinOf()]


def test_a_wrong_pin_is_recorded_as_a_wrong_one() -> None:
    recorded = Sitting().play("2", "739155", ".hangup")
    assert "739155" not in written(recorded)
    assert c.PinOf(wrong=True) in [step.keys for step in recorded.steps if isinstance(step, c.Press)]


def test_half_a_pin_is_not_keyed_at_all() -> None:
    sitting = Sitting()
    recorded = sitting.play("2", "7391", ".hangup")
    assert "7391" not in written(recorded)
    assert any("6 digits" in answer for answer in sitting.answers)


def test_who_calls_from_a_strange_number_keys_the_pin_of_the_customer_named() -> None:
    sitting = Sitting(STRANGER)
    recorded = sitting.play("2", "2", "10000007", ".pin", ".hangup")
    assert c.PinOf("10000007") in [step.keys for step in recorded.steps if isinstance(step, c.Press)]
    sitting.proved(recorded)


def test_where_one_is_shows_the_end_of_what_is_masked_and_the_recording_what_was_keyed() -> None:
    sitting = Sitting(STRANGER)
    seen: list[str] = []
    recorded = sitting.play("2", "2", "10000007", ".step", ".hangup", look=lambda play: seen.append(str(play.where())))
    shown = "\n".join([*sitting.answers, *seen])
    assert "customer = ****0007" in shown
    assert "10000007" not in shown
    assert "10000007" in [step.keys for step in recorded.steps if isinstance(step, c.Press)]


def test_a_transfer_by_text_replays_with_the_code_of_the_replay() -> None:
    sitting = Sitting(chat=True)

    async def sit() -> c.Conversation:
        async with Play(sitting.scene, sitting.told.append) as play:
            hands = sitting.hands(play)
            await hands.take("SEND 500 LILEI")
            code = play.codes["code"]
            await hands.take(f" {code[:3]} {code[3:]}")
            assert code not in written(play.recorded("x"))
            return play.recorded("by hand")

    good = sitting.proved(run_paced(sit, LEAP))
    text = written(good)
    assert 'body: "{code}"' in text
    assert "11,845.67 CNY" in text


def test_six_digits_by_text_are_recorded_as_a_pin_and_never_as_they_are() -> None:
    recorded = Sitting(chat=True).play("739154", "739155")
    assert [step.body for step in recorded.steps if isinstance(step, c.Text)] == [c.PinOf(), c.PinOf(wrong=True)]


def test_a_pin_inside_a_sentence_is_not_sent() -> None:
    sitting = Sitting(chat=True)
    assert "739154" not in written(sitting.play("my pin is 739154"))
    assert any("recording" in answer for answer in sitting.answers)


def test_the_bank_answers_as_told_the_next_time_only() -> None:
    sitting = Sitting()
    recorded = sitting.play(".bank auth.verify_pin refused", "2", ".pin", ".pin", ".hangup")
    assert "pin_wrong" in " ".join(sitting.ids)
    assert any("your_balance_is" in ids for ids in sitting.ids)
    sitting.proved(recorded)


def test_a_slow_bank_is_heard_as_such() -> None:
    sitting = Sitting()
    sitting.play("2", ".slow 5s", ".pin", ".hangup")
    assert "one_moment" in " ".join(sitting.ids)


def test_where_one_is_shows_no_secret() -> None:
    sitting = Sitting()
    seen: list[str] = []
    sitting.play("2", ".step", ".pin", ".step", look=lambda play: seen.append(str(play.where())))
    shown = "\n".join([*sitting.answers, *seen])
    assert "step pin (" in shown
    assert "bal = {last4: 1101, available: 12345.67 CNY" in shown
    assert not PINS.intersection(shown.split())
    assert "739154" not in shown


def test_a_step_taken_back_was_never_taken() -> None:
    sitting = Sitting()
    recorded = sitting.play("2", ".pin", ".back", ".back", "4", ".pin", ".hangup")
    assert [step.keys for step in recorded.steps if isinstance(step, c.Press)] == ["4", c.PinOf()]
    sitting.proved(recorded)
    assert sitting.answers[-1] == "Back at main."


def test_the_beginning_cannot_be_taken_back() -> None:
    sitting = Sitting(chat=True)
    sitting.play(".back")
    assert sitting.answers == ["There is nothing to take back."]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (".nonsense", "There is no command '.nonsense'"),
        (".bank transfers.autorise unknown", "Did you mean 'transfers.authorise'?"),
        (".bank transfers.authorise maybe", "unknown outcome 'maybe'"),
        (".bank", "Which operation answers what?"),
        (".slow soon", "not a length of time"),
        (".wait long", "not a length of time"),
        ("x", "no keys of a telephone"),
        (".pin", "No PIN is wanted here."),
        (".call", "There is a call already"),
        (".text", "What? As in"),
        (".help", "the bank's next answer"),
    ],
)
def test_a_line_that_cannot_be_done_is_told_why(line: str, answer: str) -> None:
    sitting = Sitting()
    recorded = sitting.play(line)
    assert answer in " ".join(sitting.answers)
    assert [type(step).__name__ for step in recorded.steps] == ["Call", "Hear"]


def test_after_the_call_it_is_told_how_to_go_on() -> None:
    sitting = Sitting()
    sitting.play("#", "2", ".hangup", ".speak", ".wait", ".wait 5s", ".call", ".quit", "2")
    assert "There is no call: .call calls again" in sitting.answers[0]
    assert sitting.ids.count("welcome") == 2


def _anything(play: Play, dice: random.Random) -> str:
    """Answer what somebody might type."""
    if not play.in_call:
        return dice.choice([".call", ".text BAL", ".text 转账 12 李雷", ".text hello", ".text MINI", ".wait 2s"])
    if dice.random() < 0.15:
        operation = dice.choice(sorted(REGISTRY))
        outcome = dice.choice([*REGISTRY[operation].outcomes])
        return dice.choice([f".bank {operation} {outcome}", ".slow 4s", ".text BAL", ".back"])
    asks = play.asks
    if isinstance(asks, Record):
        return dice.choice([".speak 4s", "#", ".wait"])
    if play.wants_secret:
        return dice.choice([".pin", ".pin", ".pin", ".pin wrong", "*", ".wait", ".wait 2s"])
    if isinstance(asks, GatherDigits) and asks.max_digits == 1:
        return dice.choice([*KEYS, "1", "2", "3", "4", ".wait", ".wait 3s", ".hangup"])
    return dice.choice(["1#", "2#", "500#", "1", "99", "10000007", "4821", "*", ".wait", ".wait 1s"])


@pytest.mark.parametrize("seed", range(16))
def test_whatever_was_done_plays_again_as_it_was_recorded(seed: int) -> None:
    dice = random.Random(seed)
    sitting = Sitting(dice.choice([WANG, "+8613900000002", "+8613900000003", STRANGER, None]))
    typed: list[str] = []

    async def sit() -> c.Conversation:
        async with Play(sitting.scene, sitting.told.append) as play:
            hands = sitting.hands(play)
            await hands.begin()
            for _ in range(12):
                typed.append(_anything(play, dice))
                await hands.take(typed[-1])
            return play.recorded("by hand")

    good = sitting.proved(run_paced(sit, LEAP))
    text = written(good)
    assert not [pin for pin in PINS if pin in text], typed
    again = run_conversation(load_conversation_text(text, "x.yaml"), "engine")
    assert again.passed, (typed, str(again.mismatch))


def test_a_recording_that_goes_another_way_is_not_called_good() -> None:
    from tellerline.trying.recording import CannotReplay

    sitting = Sitting()
    recorded = sitting.play("2", ".pin", ".hangup")
    steps = tuple(
        c.Press(step.place, "3") if isinstance(step, c.Press) and step.keys == "2" else step for step in recorded.steps
    )
    with pytest.raises(CannotReplay, match="your_balance_is"):
        sitting.proved(c.Conversation("x", "", c.Given(), steps))


def test_a_code_is_found_by_what_stands_before_it() -> None:
    step, code = received_step(WANG, "Ref 123456. Your code: 654321\nthanks", None)
    assert (code, step.capture) == (None, {})
    step, code = received_step(WANG, "Your code: 654321\nthanks", "code")
    assert code == "654321"
    assert step.contains == ("Your code:", "thanks")
    assert "654321" not in str(step)


def test_whose_a_pin_is() -> None:
    assert whose_pin("739154", WANG, []) == c.PinOf()
    assert whose_pin("739154", STRANGER, ["10000001"]) == c.PinOf("10000001")
    assert whose_pin("739154", STRANGER, []) == c.PinOf(wrong=True)


# --- the command -------------------------------------------------------------------------------------------------


def test_lines_are_piped_in_and_the_recording_passes(tmp_path: Path) -> None:
    file = tmp_path / "a_balance.yaml"
    result = CliRunner().invoke(
        app, ["flows", "play", "--record", str(file)], input="2\n739154\n.step\n\n#\n", catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    assert "739154" not in result.output
    assert "> ******" in result.output
    assert "and they pass" in result.output
    assert load_conversation(file).name == "a balance"
    tried = CliRunner().invoke(app, ["try", str(file), "--through", "engine"])
    assert tried.exit_code == 0, tried.output


@pytest.mark.parametrize("lines", ["#\n", "#\n.save {0}\n"])
def test_a_recording_that_cannot_be_written_is_shown_instead_of_lost(tmp_path: Path, lines: str) -> None:
    folder = tmp_path / "a_folder"
    folder.mkdir()
    ended = CliRunner().invoke(app, ["flows", "play", "--record", str(folder)], input=lines.format(folder))
    assert ended.exit_code == 1, ended.output
    assert "Is a directory" in ended.output
    assert 'press: "#"' in ended.output


def test_bytes_that_are_no_text_are_played_as_signs_that_nobody_knows(tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    command = [sys.executable, "-m", "tellerline", "flows", "play", "--text", "--record", str(file)]
    ended = subprocess.run(command, input=b"BAL\xff\n", capture_output=True, timeout=60, cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert "BAL\N{REPLACEMENT CHARACTER}" in file.read_text(encoding="utf-8")


def test_an_operators_flow_is_played_and_its_recording_finds_it(tmp_path: Path) -> None:
    flow = tmp_path / "mine" / "shop.yaml"
    flow.parent.mkdir()
    flow.write_text(
        "flow: shop\nlanguages: [en]\nstart: hello\ndefaults: {on_fail: bye}\n"
        "notices: {outage: [try_later]}\n"
        "steps:\n"
        "  hello: {notice: outage, next: main}\n"
        "  main: {menu: [main_menu], choices: {'1': hello, '2': bye}}\n"
        "  bye: {say: [goodbye], hangup: true}\n"
    )
    for file in (tmp_path / "mine" / "conversations" / "beside.yaml", tmp_path / "else" / "where.yaml"):
        lines = CliRunner().invoke(
            app, ["flows", "play", str(flow), "--notice", "outage", "--record", str(file)], input="1\n2\n"
        )
        assert lines.exit_code == 0, lines.output
        assert "try_later" in file.read_text()
        tried = CliRunner().invoke(app, ["try", str(file), "--through", "engine"])
        assert tried.exit_code == 0, tried.output
    assert "flows:" not in (tmp_path / "mine" / "conversations" / "beside.yaml").read_text()
    assert 'flows: "../mine"' in (tmp_path / "else" / "where.yaml").read_text()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--at", "tomorrow"], "is not a time"),
        (["--language", "fr"], "does not speak 'fr'"),
        (["--language", "en", "--from", WANG], "not both"),
        (["--notice", "no_such"], "has no notice 'no_such'"),
        (["no/such/folder"], "there is no folder"),
    ],
)
def test_what_cannot_be_played_is_told(options: list[str], problem: str) -> None:
    result = CliRunner().invoke(app, ["flows", "play", *options], input="")
    assert result.exit_code != 0
    assert problem in " ".join((result.output + str(result.exception)).replace("│", " ").split())


def test_the_language_picks_who_calls() -> None:
    result = CliRunner().invoke(app, ["flows", "play", "--language", "en"], input="#\n")
    assert "+8613900000002" in result.output
    assert "Goodbye" in result.output


def test_a_draft_is_played_before_it_is_live(tmp_path: Path) -> None:
    settings = tmp_path / "tellerline.toml"
    settings.write_text(f'[server]\nstate_dir = "{tmp_path / "state"}"\n')
    config = Config(server=Server(state_dir=tmp_path / "state"))
    nothing = CliRunner().invoke(app, ["flows", "play", "--draft", "-c", str(settings)], input="")
    assert "has no draft" in str(nothing.exception)

    text = FLOWS.current("retail").source_text
    folder = tmp_path / "flows"
    shutil.copytree(DEFINITIONS, folder)
    (folder / "retail.yaml").write_text(text.replace("greet: {say: [welcome]", "greet: {say: [goodbye]"))

    async def draft() -> None:
        bundle = bundle_of_flow(load_flow(folder / "retail.yaml"), CATALOGUE)
        async with open_releases(config) as releases:
            await releases.draft(bundle, author="ann", message="try", at=datetime.datetime.now(datetime.UTC))

    asyncio.run(draft())
    result = CliRunner().invoke(app, ["flows", "play", "--draft", "-c", str(settings)], input=".step\n")
    assert result.exit_code == 0, result.output
    assert result.output.index("  goodbye") < result.output.index("main_menu")


def test_a_secret_among_what_is_known_is_three_stars() -> None:
    shown: list[str] = []

    def look(play: Play) -> None:
        session = play._session
        assert session is not None
        play._saw(
            replace(
                session, variables={"pin": SecretHandle("handle-7"), "all": {"codes": (SecretHandle("handle-8"), 5)}}
            )
        )
        shown.append(str(play.where()))

    Sitting().play(look=look)
    assert "'pin': '***'" in shown[0]
    assert "{codes: [***, 5]}" in shown[0]
    assert "handle" not in shown[0]


def test_a_conversation_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    there = tmp_path / "there.yaml"
    there.write_text("mine\n")
    refused = CliRunner().invoke(app, ["flows", "play", "--record", str(there)], input="#\n")
    assert refused.exit_code == 2
    assert "is there already" in refused.output.replace("\n", " ")
    told = CliRunner().invoke(app, ["flows", "play"], input=f"#\n.save {there}\n.save {tmp_path / 'new.yaml'}\n")
    assert "is there already" in told.output
    assert there.read_text() == "mine\n"
    assert (tmp_path / "new.yaml").is_file()
