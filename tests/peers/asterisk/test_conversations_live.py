"""The shipped conversations, through a real Asterisk: with its recordings, and with short sounds in their place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import tellerline
from sounds.catalogue import Catalogue
from tellerline.trying import conversation as c
from tellerline.trying.asterisk_driver import AsteriskDriver
from tellerline.trying.asterisk_found import Asterisk
from tellerline.trying.loader import load_conversation, load_conversation_text
from tellerline.trying.play import Player
from tellerline.trying.runs import run_conversation
from tellerline.trying.world import CatalogueWords, DemoCustomers
from tests.peers.asterisk.made_sounds import noise, write_wav

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.timeout(240)]
SHIPPED = sorted((Path(tellerline.__file__).parent / "conversations").rglob("*.yaml"))
WITH_A_CALL = [
    path
    for path in SHIPPED
    if "asterisk" in (conversation := load_conversation(path)).through
    and any(isinstance(step, c.Call) for step in conversation.steps)
]
EVERY_TIME = {"agent", "card_block", "no_match", "phone_then_text", "withheld_number"}
PROOF = bool(os.environ.get("TELLERLINE_PROOF"))
only_as_proof = pytest.mark.skipif(not PROOF, reason="a long proof: make proof")


def parameters() -> list[object]:
    marks = [pytest.mark.proof, only_as_proof]
    return [pytest.param(path, id=path.stem, marks=[] if path.stem in EVERY_TIME else marks) for path in WITH_A_CALL]


@pytest.mark.parametrize("path", parameters())
async def test_a_shipped_conversation_goes_through_a_real_asterisk(
    path: Path, asterisk: Asterisk, line_sounds: Path
) -> None:
    del asterisk
    conversation = load_conversation(path)
    async with AsteriskDriver(conversation.given, line_sounds) as driver:
        result = await Player(driver, CatalogueWords(Catalogue.load()), DemoCustomers()).play(conversation)
    assert result.passed, f"{result.mismatch}\n{result.transcript}"


@pytest.mark.parametrize("name", ["balance_en", pytest.param("demo", marks=[pytest.mark.proof, only_as_proof])])
def test_what_tellerline_try_runs_is_heard_in_the_shipped_recordings(name: str, asterisk: Asterisk) -> None:
    del asterisk
    path = next(path for path in SHIPPED if path.stem == name)
    result = run_conversation(load_conversation(path), "asterisk")
    assert result.passed, f"{result.mismatch}\n{result.transcript}"


async def test_what_is_not_heard_on_the_line_fails_with_file_and_line(asterisk: Asterisk, line_sounds: Path) -> None:
    del asterisk
    text = (
        "conversation: wrong\n"
        "steps:\n"
        '- call: {from: "+8613900000001", to: "95500"}\n'
        "- hear: welcome\n"
        "- hear: goodbye\n"
        "  within: 2s\n"
    )
    conversation = load_conversation_text(text, "wrong.yaml")
    async with AsteriskDriver(conversation.given, line_sounds) as driver:
        result = await Player(driver, CatalogueWords(Catalogue.load()), DemoCustomers()).play(conversation)
    assert not result.passed
    assert result.mismatch is not None
    assert str(result.mismatch).startswith("wrong.yaml:5: expected to hear goodbye")


async def test_a_played_file_that_is_not_on_the_line_is_complained_about(
    asterisk: Asterisk, line_sounds: Path, tmp_path: Path
) -> None:
    del asterisk
    shutil.copytree(line_sounds, tmp_path / "sounds")
    async with AsteriskDriver(c.Given(), tmp_path / "sounds") as driver:
        # What Asterisk plays from now on is not what the callers' ears know by that name.
        write_wav(tmp_path / "sounds" / "zh" / "welcome.wav", noise("something else", 2.0))
        leg = await driver.call("+8613900000001", "95500", attestation=None, trunk=None)
        heard = await leg.heard(10)
        assert heard is not None
        assert heard.audio_id == "zh/main_menu"
        await leg.hang_up()
        assert any("zh/welcome" in words for words in await leg.complaints())
