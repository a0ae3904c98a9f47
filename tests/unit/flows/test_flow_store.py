from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows import store as module
from flows.errors import FlowError
from flows.store import FlowStore, prompt_texts
from sounds.catalogue import Catalogue
from tests.unit.flows.flow_texts import SMALL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, SMALL)
    return tmp_path


def write(folder: Path, text: str, name: str = "small.yaml") -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_the_shipped_flows_load_with_the_shipped_catalogue() -> None:
    assert FlowStore(catalogue=Catalogue.load()).names == ("retail",)


def test_a_server_does_not_begin_with_a_flow_that_does_not_load(folder: Path) -> None:
    write(folder, "flow: [", "broken.yaml")
    with pytest.raises(FlowError, match=r"broken\.yaml"):
        FlowStore(folder)


def test_a_server_does_not_begin_without_any_flow(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match="there is no flow in this folder"):
        FlowStore(tmp_path)


async def test_a_changed_flow_is_current_and_the_old_one_stays_for_its_dialogues(folder: Path) -> None:
    store = FlowStore(folder)
    old = store.current("small")
    write(folder, SMALL + "# changed\n")
    assert store.reload() == []
    assert store.current("small").version != old.version
    assert await store.version("small", old.version) is old


def test_a_reload_on_another_thread_never_shows_a_call_half_of_it(folder: Path) -> None:
    store = FlowStore(folder)
    old, seen = store.current("small"), store._versions["small"]
    write(folder, SMALL + "# changed\n")
    store.reload()
    assert list(seen.values()) == [old], "who reads it meanwhile finds what was there"


def test_a_flow_that_does_not_load_is_refused_with_its_place_and_the_running_one_stays(folder: Path) -> None:
    store = FlowStore(folder)
    running = store.current("small")
    write(folder, SMALL.replace("menu: [main_menu]", "manu: [main_menu]"))
    (error,) = store.reload()
    assert "small.yaml:19:5" in str(error)
    assert store.current("small") is running


def test_going_back_to_an_older_text_goes_back_to_its_version(folder: Path) -> None:
    store = FlowStore(folder)
    first = store.current("small")
    write(folder, SMALL + "# changed\n")
    store.reload()
    write(folder, SMALL)
    store.reload()
    assert store.current("small") is first


def test_a_flow_whose_file_is_gone_goes_on_running(folder: Path) -> None:
    store = FlowStore(folder)
    (folder / "small.yaml").unlink()
    assert store.reload() == []
    assert store.current("small").name == "small"


def test_two_files_cannot_be_one_flow(folder: Path) -> None:
    store = FlowStore(folder)
    write(folder, SMALL + "# other\n", "z.yaml")
    (error,) = store.reload()
    assert "flow 'small' stands in small.yaml too" in str(error)


def test_a_poll_reads_again_only_what_changed(folder: Path) -> None:
    store = FlowStore(folder)
    assert store.poll() is None
    write(folder, SMALL + "# changed\n")
    assert store.poll() == []
    assert store.poll() is None
    os.utime(folder / "small.yaml", ns=(1, 1))
    assert store.poll() == []
    write(folder, "flow: [")
    assert store.poll() is not None
    assert store.poll() is None  # told once, not at every poll


async def test_old_versions_do_not_gather_without_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VERSIONS", 3)
    store = FlowStore(folder)
    first = store.current("small").version
    for n in range(5):
        write(folder, SMALL + f"# {n}\n")
        store.reload()
    with pytest.raises(KeyError):
        await store.version("small", first)


def test_a_changed_prompt_is_another_version(tmp_path: Path) -> None:
    texts = prompt_texts(Catalogue.load())
    assert "welcome" in texts
    assert "欢迎" in texts["welcome"]
