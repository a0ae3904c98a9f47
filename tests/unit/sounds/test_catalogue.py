"""The catalogue: what it answers, and how a person who slipped finds the place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sounds.catalogue import SHIPPED_ROOT, Catalogue, UnknownPromptError
from sounds.catalogue_file import MAX_DEPTH, MAX_FILE_BYTES, MAX_TEXT, read_prompts
from sounds.errors import CatalogueError, SoundsError

Write = Callable[[str], Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "audio" / "en").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def write(root: Path) -> Write:
    def writer(text: str, name: str = "en.yaml") -> Path:
        file = root / "catalogue" / name
        file.write_text(text, encoding="utf-8")
        return file

    return writer


def test_a_prompt_says_one_thing_and_texts_another(root: Path, write: Write) -> None:
    write('welcome: {say: "Welcome.", sms: "Hi."}\nmenu: {say: "Press one or two.", keys: "12"}\n')
    catalogue = Catalogue.load(root)
    assert catalogue.languages == ("en",)
    assert catalogue.prompt_ids("en") == ("menu", "welcome")
    assert catalogue.prompt("welcome", "en") == "Welcome."
    assert catalogue.sms_text("welcome", "en") == "Hi."
    assert catalogue.sms_text("menu", "en") == "Press one or two."
    assert catalogue.keys("menu", "en") == "12"
    assert catalogue.keys("welcome", "en") == ""
    assert catalogue.audio_id("welcome", "en") == "en/welcome"
    assert catalogue.has_prompt("welcome", "en")
    assert not catalogue.has_prompt("welcome", "zh")


def test_an_unknown_prompt_is_named(root: Path, write: Write) -> None:
    write('welcome: {say: "Welcome."}')
    catalogue = Catalogue.load(root)
    with pytest.raises(UnknownPromptError, match="prompt 'welcom' is not in the catalogue of 'en'"):
        catalogue.prompt("welcom", "en")
    with pytest.raises(UnknownPromptError):
        catalogue.audio_id("welcome", "zh")


def test_audio_is_found_as_soon_as_it_is_there(root: Path, write: Write) -> None:
    write('welcome: {say: "Welcome."}')
    catalogue = Catalogue.load(root)
    assert not catalogue.has_audio("en/welcome")
    assert "en/welcome" in catalogue.missing_audio()
    with pytest.raises(SoundsError, match="no audio for 'en/welcome': run `tellerline sounds build`"):
        catalogue.audio_path("en/welcome")
    (root / "audio" / "en" / "welcome.wav").write_bytes(b"")
    assert catalogue.audio_path("en/welcome") == root / "audio" / "en" / "welcome.wav"
    assert "en/welcome" not in catalogue.missing_audio()


@pytest.mark.parametrize("audio_id", ["../../etc/passwd", "/etc/passwd", "en/../../secret"])
def test_audio_outside_the_folder_is_not_found(root: Path, write: Write, audio_id: str) -> None:
    write('welcome: {say: "Welcome."}')
    (root / "secret.wav").write_bytes(b"")
    assert not Catalogue.load(root).has_audio(audio_id)


def test_an_operators_folder_lies_over_the_shipped_one(root: Path, write: Write, tmp_path: Path) -> None:
    write('welcome: {say: "Welcome."}\nbye: {say: "Bye."}')
    (root / "audio" / "en" / "welcome.wav").write_bytes(b"shipped")
    (root / "audio" / "en" / "bye.wav").write_bytes(b"shipped")
    own = tmp_path / "own"
    (own / "catalogue").mkdir(parents=True)
    (own / "catalogue" / "en.yaml").write_text('welcome: {say: "Good day."}\n', encoding="utf-8")
    (own / "audio" / "en").mkdir(parents=True)
    (own / "audio" / "en" / "welcome.wav").write_bytes(b"own")
    catalogue = Catalogue.load(root, overlay=own)
    assert catalogue.prompt("welcome", "en") == "Good day."
    assert catalogue.prompt("bye", "en") == "Bye."
    assert catalogue.audio_path("en/welcome").read_bytes() == b"own"
    assert catalogue.audio_path("en/bye").read_bytes() == b"shipped"
    assert catalogue.audio_roots() == (own / "audio", root / "audio")


def test_an_operators_folder_needs_no_catalogue_of_its_own(tmp_path: Path) -> None:
    assert Catalogue.load(overlay=tmp_path).prompt_ids("zh") == Catalogue.load().prompt_ids("zh")


@pytest.mark.parametrize("written", ["李雷", "Li Lei", "Li Lei 李雷", "李雷 Li Lei", "LILEI", " li  lei ", "李 雷"])
def test_a_name_is_found_however_it_is_written(root: Path, write: Write, written: str) -> None:
    write('welcome: {say: "Welcome."}')
    names = root / "catalogue" / "names.yaml"
    names.write_text("li_lei: {zh: 李雷, en: Li Lei, say_en: Lee Lay}\n", encoding="utf-8")
    catalogue = Catalogue.load(root)
    assert catalogue.name_audio(written, "en") is None, "there is no clip yet"
    (root / "audio" / "en" / "name").mkdir()
    (root / "audio" / "en" / "name" / "li_lei.wav").write_bytes(b"")
    assert catalogue.name_audio(written, "en") == "en/name/li_lei"
    assert catalogue.name_audio(written, "zh") is None
    assert catalogue.text_of("en/name/li_lei") == "Li Lei"
    assert catalogue.texts("en")["en/name/li_lei"] == "Li Lei"
    assert catalogue.pronunciation("en/name/li_lei") == "Lee Lay"
    assert catalogue.pronunciation("zh/name/li_lei") is None


@pytest.mark.parametrize("written", ["", "Li", "Lei Li", "Guest 3", "李"])
def test_another_name_is_not_mistaken_for_a_known_one(written: str) -> None:
    assert Catalogue.load().name_audio(written, "zh") is None


def test_what_a_clip_says_can_be_asked() -> None:
    catalogue = Catalogue.load()
    assert catalogue.text_of("zh/welcome") == catalogue.prompt("welcome", "zh")
    assert catalogue.text_of("zh/y/45") == "四十五元"
    assert catalogue.text_of("zh/nothing") is None
    assert catalogue.text_of("fr/n/1") is None
    assert catalogue.text_of("zh/name/nobody") is None


SLIPS = [
    ("- welcome", 1, "a catalogue is a mapping of prompt ids", "Write key: value"),
    ("", 1, "is empty", "welcome:"),
    ('a: {say: "A."}\nWelcome: {say: "B."}', 2, "'Welcome' is no prompt id", "Use a-z, 0-9 and _"),
    ('a: {say: "A."}\n\na: {say: "B."}', 3, "'a' is given twice", "It was given on line 1: keep one"),
    ('a: {sms: "A."}', 1, "'a' says nothing", "{say:"),
    ('a: {say: "A."}\nb: B.', 2, "'b' is no mapping", "Write key: value"),
    ('a:\n  say: "A."\n  smms: "B."', 3, "unknown key 'smms' in 'a'", "The keys are say, sms, keys"),
    ('a:\n  say: "A."\n  say: "B."', 3, "'say' is given twice in 'a'", "Keep one"),
    ('a: {say: ""}', 1, "'say' of 'a' is empty", "Write the text, or remove the key"),
    ('a: {say: "A.", keys: "12A"}', 1, "'12A' are no keys of a telephone", "Use 0-9"),
    ("a: {say: [x]}", 1, "a text is expected here", "Put it in quotes"),
    ('a: {say: "A\\nB"}', 1, "the text has control characters", "Write one line"),
    ('a: {say: "A."\nb: {say: "B."}', 2, "", "Check quotes, colons and braces there"),
    ('a: &x {say: "A."}', 1, "has an anchor, alias or tag", "Write the text out"),
    ('a: {say: "A."}\nb: *x', 2, "has an anchor, alias or tag", "Write the text out"),
    ('a: {say: !!python/name:os.system "A."}', 1, "has an anchor, alias or tag", "Write the text out"),
    ("a: " + "[" * 60_000, 1, "is nested too deeply", "Write prompt: {say: text}"),
    ("a: " + "{b: " * (MAX_DEPTH + 1), 1, "is nested too deeply", "Write prompt: {say: text}"),
    ('a: {say: "' + "x" * (MAX_TEXT + 1) + '"}', 1, f"the text has {MAX_TEXT + 1} characters", "split the prompt"),
    ("#" * (MAX_FILE_BYTES + 1), 1, f"has {MAX_FILE_BYTES + 1} bytes", f"Keep it under {MAX_FILE_BYTES}"),
    ('a: {say: "A\x07"}', 1, "", "Remove control characters"),
]


@pytest.mark.parametrize(("text", "line", "problem", "mend"), SLIPS, ids=range(len(SLIPS)))
def test_a_slip_is_shown_with_file_line_and_mend(write: Write, text: str, line: int, problem: str, mend: str) -> None:
    file = write(text)
    with pytest.raises(CatalogueError) as slip:
        read_prompts(file)
    assert str(slip.value).startswith(f"{file}:{line}: {problem}")
    assert mend in str(slip.value)
    assert (slip.value.file, slip.value.line) == (file, line)


def test_a_file_in_another_encoding_is_refused_with_its_line(write: Write) -> None:
    file = write("")
    file.write_bytes('a: {say: "A."}\nb: {say: "中文"}'.encode("gb18030"))
    with pytest.raises(CatalogueError, match=r"en\.yaml:2: is not UTF-8"):
        read_prompts(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"en\.yaml:1: cannot be read \(No such file"):
        read_prompts(tmp_path / "en.yaml")


@pytest.mark.parametrize(
    ("text", "slip"),
    [
        ("Li: {zh: 李雷}", "'Li' is no clip id"),
        ("li: {zh: 李雷}\nli: {zh: 李雷}", "'li' is given twice"),
        ("li: {say_zh: 李雷}", "'li' is written nowhere"),
        ("li: {fr: Li}", "unknown key 'fr' in 'li'"),
    ],
)
def test_a_slip_in_the_names_is_shown(root: Path, write: Write, text: str, slip: str) -> None:
    write('welcome: {say: "Welcome."}')
    (root / "catalogue" / "names.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=slip):
        Catalogue.load(root)


def test_a_language_that_nobody_speaks_is_refused(root: Path) -> None:
    (root / "catalogue" / "fr.yaml").write_text('a: {say: "Bonjour."}', encoding="utf-8")
    with pytest.raises(CatalogueError, match="nobody speaks 'fr' here"):
        Catalogue.load(root)


def test_a_folder_without_a_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="there is no catalogue"):
        Catalogue.load(tmp_path)


def test_both_languages_have_the_same_prompts_with_the_same_keys() -> None:
    catalogue = Catalogue.load()
    assert catalogue.languages == ("en", "zh")
    assert catalogue.prompt_ids("en") == catalogue.prompt_ids("zh")
    for prompt in catalogue.prompt_ids("en"):
        assert sorted(catalogue.keys(prompt, "en")) == sorted(catalogue.keys(prompt, "zh")), prompt


def test_the_shipped_catalogue_can_be_copied_and_loaded_elsewhere(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED_ROOT / "catalogue", tmp_path / "catalogue")
    assert Catalogue.load(tmp_path).texts("zh") == Catalogue.load().texts("zh")
