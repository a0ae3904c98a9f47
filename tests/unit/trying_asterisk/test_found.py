"""Which Asterisk is taken, and what happens where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tellerline.errors import ParleyError
from tellerline.trying.asterisk_found import find_asterisk, require_asterisk
from tests.peers.availability import require_peer


def a_program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def a_layout(folder: Path) -> Path:
    program = a_program(folder / "run-asterisk", "Asterisk 22.1.0")
    for name in ("modules", "data"):
        (folder / name).mkdir()
    (folder / "layout").write_text(
        f"made_by=2\nasterisk={program}\nmodules={folder / 'modules'}\ndata={folder / 'data'}\nsipp=/usr/bin/sipp\n"
    )
    return folder


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TELLERLINE_ASTERISK", raising=False)
    monkeypatch.setattr("tellerline.trying.asterisk_found.shutil.which", lambda name, path=None: None)
    return tmp_path


def test_a_folder_that_the_environment_names_comes_before_the_cache(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = a_layout(_made(bare / "cache" / "tellerline" / "asterisk"))
    found = find_asterisk()
    assert found is not None
    assert found.program == cached / "run-asterisk"
    named = a_layout(_made(bare / "mine"))
    monkeypatch.setenv("TELLERLINE_ASTERISK", str(named))
    found = find_asterisk()
    assert found is not None
    assert found.program == named / "run-asterisk"
    assert found.sipp == Path("/usr/bin/sipp")


def test_where_there_is_none_the_error_says_how_to_get_one(bare: Path) -> None:
    del bare
    assert find_asterisk() is None
    with pytest.raises(ParleyError, match=r"get_asterisk\.sh"):
        require_asterisk()


@pytest.mark.parametrize("damage", ["program", "layout"])
def test_a_folder_that_was_half_removed_is_not_taken(bare: Path, damage: str) -> None:
    folder = a_layout(_made(bare / "cache" / "tellerline" / "asterisk"))
    if damage == "program":
        (folder / "run-asterisk").unlink()
    else:
        (folder / "layout").write_text("asterisk=/nowhere\n")
    assert find_asterisk() is None


@pytest.mark.parametrize(("says", "taken"), [("Asterisk 18.20.0", False), ("something else", False)])
def test_an_asterisk_that_is_too_old_is_not_taken(
    bare: Path, monkeypatch: pytest.MonkeyPatch, says: str, taken: bool
) -> None:
    program = a_program(bare / "bin" / "asterisk", says)
    monkeypatch.setattr("tellerline.trying.asterisk_found.shutil.which", lambda name, path=None: str(program))
    assert (find_asterisk() is not None) is taken


def test_a_missing_peer_is_a_skip_for_a_user_and_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    require_peer("Asterisk", True, "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="run this"):
        require_peer("Asterisk", False, "run this")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="run this"):
        require_peer("Asterisk", False, "run this")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
