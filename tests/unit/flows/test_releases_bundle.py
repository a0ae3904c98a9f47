"""What one version is made of, and what makes another one of it."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from flows.dialogue import Prompt, Say, SayNumber
from flows.errors import FlowError
from flows.releases.bundle import Bundle, bundle_of, version_of
from flows.releases.errors import BundleBroken
from flows.store import DEFINITIONS
from flows.words import files_for, text_for
from sounds.catalogue import SHIPPED_ROOT, Catalogue
from sounds.version import digest_of_file
from tests.unit.flows.flow_texts import SMALL
from tests.unit.flows.release_world import CATALOGUE, bundle

MAIN = "include: [parts/ends.yaml]\n" + SMALL.replace("  bye: {say: [goodbye], hangup: true}\n", "")
ENDS = "steps:\n  bye: {say: [goodbye], hangup: true}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "small.yaml").write_text(MAIN, encoding="utf-8")
    (tmp_path / "parts" / "ends.yaml").write_text(ENDS, encoding="utf-8")
    return tmp_path


def test_a_version_published_before_the_engine_learned_a_prompt_says_it_as_the_node_does() -> None:
    made = bundle()
    texts = {lang: {id_: said for id_, said in of.items() if id_ != "choose_more"} for lang, of in made.texts.items()}
    old = replace(
        made, texts={**texts, "en": {**texts["en"], "no_match": {"say": "Pardon?", "sms": "Pardon?", "keys": ""}}}
    )
    says = old.load(CATALOGUE).catalogue
    assert says is not None
    assert says.prompt("choose_more", "zh") == CATALOGUE.prompt("choose_more", "zh")
    assert says.prompt("no_match", "en") == "Pardon?", "what was published stays"
    assert files_for(Say((Prompt("choose_more"),), "en"), says) == ["en/choose_more"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An operator's folder of sounds."""
    for part in ("catalogue", "audio/en"):
        (tmp_path / "sounds" / part).mkdir(parents=True)
    return tmp_path / "sounds"


def says(own: Path, prompt: str, say: str) -> None:
    line = f"{prompt}: {{say: {json.dumps(say)}}}\n"
    (own / "catalogue" / "en.yaml").write_text(line, encoding="utf-8")


def test_a_bundle_holds_the_flow_its_includes_its_texts_and_the_hashes_of_its_recordings(folder: Path) -> None:
    made = bundle_of(folder, CATALOGUE)
    assert made.files == {"small.yaml": MAIN, "parts/ends.yaml": ENDS}
    assert (made.name, made.main) == ("small", "small.yaml")
    assert set(made.texts) == {"en", "zh"}
    assert made.texts["en"]["goodbye"]["say"] == CATALOGUE.prompt("goodbye", "en")
    assert made.texts["zh"]["main_menu"]["keys"] == CATALOGUE.keys("main_menu", "zh")
    assert "system_trouble" in made.texts["zh"], "what the engine says by itself"
    assert "your_balance" not in made.texts["en"], "only what it uses"
    assert made.audio["en/goodbye"] == digest_of_file(SHIPPED_ROOT / "audio" / "en" / "goodbye.wav")
    assert set(made.fragments) == {"en", "zh"}
    assert not any("/n/" in audio_id for audio_id in made.audio), "shipped clips of numbers count by their digest"


def test_a_bundle_comes_back_from_its_bytes_and_loads_as_the_same_flow(folder: Path) -> None:
    made = bundle_of(folder, CATALOGUE)
    again = Bundle.from_bytes(made.to_bytes())
    assert again == made
    flow = again.load(CATALOGUE)
    assert flow.version == made.version
    assert flow.catalogue is not None
    assert set(flow.steps) == set(bundle_of(folder, CATALOGUE).load(CATALOGUE).steps)
    assert "bye" in flow.steps
    assert flow.included == {"parts/ends.yaml": ENDS}


def test_the_shipped_flow_fits_into_a_bundle() -> None:
    made = bundle_of(DEFINITIONS, CATALOGUE, "retail")
    assert len(made.to_bytes()) < 100_000
    assert Bundle.from_bytes(made.to_bytes()).load(CATALOGUE).name == "retail"


def test_the_same_parts_are_the_same_version_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    (copy / "parts").mkdir(parents=True)
    for name in ("small.yaml", "parts/ends.yaml"):
        (copy / name).write_bytes((folder / name).read_bytes())
    assert bundle_of(copy, CATALOGUE) == bundle_of(folder, CATALOGUE)


def test_each_part_makes_another_version(folder: Path, own: Path) -> None:
    overlaid = Catalogue.load(overlay=own)
    versions = [bundle_of(folder, overlaid).version]
    (folder / "small.yaml").write_text(MAIN + "# a remark\n", encoding="utf-8")
    versions.append(bundle_of(folder, overlaid).version)
    (folder / "parts" / "ends.yaml").write_text(ENDS + "# another\n", encoding="utf-8")
    versions.append(bundle_of(folder, overlaid).version)
    says(own, "goodbye", "So long.")
    versions.append(bundle_of(folder, Catalogue.load(overlay=own)).version)
    says(own, "nothing_of_this_flow", "x")
    assert bundle_of(folder, Catalogue.load(overlay=own)).version == versions[2], "a prompt that it never says"
    (own / "audio" / "en" / "goodbye.wav").write_bytes(b"another voice")
    versions.append(bundle_of(folder, Catalogue.load(overlay=own)).version)
    (own / "audio" / "en" / "n").mkdir()
    (own / "audio" / "en" / "n" / "7.wav").write_bytes(b"seven")
    seven = bundle_of(folder, Catalogue.load(overlay=own))
    versions.append(seven.version)
    assert len(set(versions)) == len(versions)
    assert seven.audio["en/n/7"] == digest_of_file(own / "audio" / "en" / "n" / "7.wav"), "an operator's own clip"


def test_a_version_speaks_its_own_texts_whatever_the_catalogue_says_now(folder: Path, own: Path) -> None:
    says(own, "goodbye", "So long.")
    made = bundle_of(folder, Catalogue.load(overlay=own))
    says(own, "goodbye", "Farewell.")
    view = made.load(Catalogue.load(overlay=own)).catalogue
    assert view is not None
    say = Say((Prompt("goodbye"),), "en")
    assert text_for(say, view, lambda _: pytest.fail("no secret")) == "So long."


def test_a_version_plays_the_recording_that_it_was_published_with(folder: Path, own: Path) -> None:
    recording = own / "audio" / "en" / "goodbye.wav"
    recording.write_bytes(b"first voice")
    overlaid = Catalogue.load(overlay=own)
    made = bundle_of(folder, overlaid)
    kept = own / "audio" / "kept"
    kept.mkdir()
    (kept / f"{made.audio['en/goodbye']}.wav").write_bytes(b"first voice")
    view = made.load(overlaid, kept).catalogue
    assert view is not None
    say = Say((Prompt("goodbye"), SayNumber(7)), "en")
    assert files_for(say, view) == ["en/goodbye", "en/n/7"]
    recording.write_bytes(b"a second voice")
    sha = made.audio["en/goodbye"]
    assert files_for(say, view) == [f"kept/{sha}", "en/n/7"]
    assert view.audio_path(f"kept/{sha}").read_bytes() == b"first voice"
    recording.unlink()  # the shipped one would be heard
    assert files_for(say, view) == [f"kept/{sha}", "en/n/7"]
    recording.write_bytes(b"first voice")
    assert files_for(say, view) == ["en/goodbye", "en/n/7"]


def test_what_was_not_put_aside_plays_as_it_is_now(folder: Path, own: Path) -> None:
    recording = own / "audio" / "en" / "goodbye.wav"
    recording.write_bytes(b"first voice")
    overlaid = Catalogue.load(overlay=own)
    view = bundle_of(folder, overlaid).load(overlaid, own / "audio" / "kept").catalogue
    recording.write_bytes(b"a second voice")
    assert view is not None
    assert view.clip("en/goodbye") == "en/goodbye"


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda data: data[:-9], "cut short"),
        (lambda data: b"nonsense", "error"),
        (lambda data: zlib.compress(b"[1]"), "TypeError"),
        (lambda data: zlib.compress(b"{}"), "KeyError"),
        (lambda data: zlib.compress(zlib.decompress(data).replace(b'"format":1', b'"format":2')), "format 2"),
        (lambda data: zlib.compress(zlib.decompress(data).replace(b"goodbye", b"badbye!")), "not the hash"),
        (lambda data: zlib.compress(b" " * 17_000_000), "larger than a flow can be"),
    ],
)
def test_bytes_that_are_not_what_was_written_are_refused(spoil: object, why: str) -> None:
    assert callable(spoil)
    with pytest.raises(BundleBroken, match=why):
        Bundle.from_bytes(spoil(bundle().to_bytes()))


def test_a_bundle_whose_own_file_is_missing_is_refused() -> None:
    made = replace(bundle(), main="other.yaml")
    with pytest.raises(BundleBroken, match=r"no other\.yaml in it"):
        Bundle.from_bytes(replace(made, version=version_of(made)).to_bytes())


def test_a_folder_of_several_flows_needs_a_name(folder: Path) -> None:
    (folder / "other.yaml").write_text(SMALL.replace("flow: small", "flow: other"), encoding="utf-8")
    assert bundle_of(folder, CATALOGUE, "other").name == "other"
    with pytest.raises(FlowError, match=r"holds several flows: other\.yaml, small\.yaml"):
        bundle_of(folder, CATALOGUE)
    with pytest.raises(FlowError, match="there is no flow 'third'"):
        bundle_of(folder, CATALOGUE, "third")
    with pytest.raises(FlowError, match="there is no flow in this folder"):
        bundle_of(folder / "parts", CATALOGUE)
