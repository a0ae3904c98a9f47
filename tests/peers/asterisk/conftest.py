from __future__ import annotations

from pathlib import Path

import pytest

from sounds.catalogue import Catalogue
from tellerline.trying.asterisk_found import HOW_TO_GET_ASTERISK, Asterisk, find_asterisk
from tellerline.trying.voiceprints import Voiceprints
from tests.peers.asterisk.made_sounds import make_sounds, stand_ins
from tests.peers.availability import require_peer


@pytest.fixture(scope="session")
def asterisk() -> Asterisk:
    found = find_asterisk()
    require_peer("Asterisk", found is not None, HOW_TO_GET_ASTERISK)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def sipp(asterisk: Asterisk) -> Path:
    require_peer("sipp", asterisk.sipp is not None, "tests/tools/get_asterisk.sh, or install sipp (sip-tester)")
    assert asterisk.sipp is not None
    return asterisk.sipp


@pytest.fixture(scope="session")
def made_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sounds that nobody could mistake for each other, for tests that need no words."""
    return make_sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def made_prints(made_sounds: Path) -> Voiceprints:
    return Voiceprints.of_folder(made_sounds)


@pytest.fixture(scope="session")
def line_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short sound of its own for everything that the line can say: what was said is known, and soon over."""
    return stand_ins(tmp_path_factory.mktemp("line"), Catalogue.load(), 0.4)
