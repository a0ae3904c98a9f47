"""``tellerline flows graph | diff | stats`` as an operator uses them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from redis.asyncio import Redis

from core_client.adapters.valkey import reach_store
from flows.figures import Figures
from flows.releases.bundle import bundle_of
from flows.releases.register import Releases
from flows.store import FlowStore
from flows.testing.driver import AT
from sounds.catalogue import Catalogue
from tellerline.cli import main
from tests.unit.flows.flow_texts import SMALL

COUNTS = {
    "* begun voice": 90, "* begun sms": 10, "* ended done": 70, "* ended party_left": 30,
    "main visits": 100, "main left": 80, "main ended party_left": 20, "main answers": 80, "main waits": 110,
    "main ms": 330_000, "main no_input": 25, "main no_match": 5, "main way key 1": 60, "main way key 2": 15,
    "main way failed": 5, "main way gate auth": 60,
    "amount visits": 15, "amount ended party_left": 10, "amount left": 5, "amount way next": 5,
    "bye visits": 70, "bye ended done": 70,
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str


Run = Callable[..., Told]


@pytest.fixture(name="run")
def run_(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str | Path) -> Told:
        monkeypatch.setattr("sys.argv", ["tellerline", "flows", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        written = capsys.readouterr()
        return Told(code, written.out, written.err)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a flow ``small``, beside its settings."""
    made = tmp_path / "line"
    made.mkdir()
    (made / "small.yaml").write_text(SMALL, encoding="utf-8")
    settings = f'[server]\nstate_dir = "{tmp_path / "state"}"\n[flows]\ndir = "{made}"\n[agi]\nflow = "small"\n'
    (tmp_path / "settings.toml").write_text(settings + '[sms]\nflow = "small"\n', encoding="utf-8")
    return made


@pytest.fixture
def settings(folder: Path) -> Path:
    return folder.parent / "settings.toml"


def in_store(folder: Path, work: Callable[[Redis], Awaitable[None]]) -> None:
    """Do something in the store that the settings name."""

    async def go() -> None:
        (folder.parent / "state").mkdir(exist_ok=True, mode=0o700)
        async with reach_store(None, folder.parent / "state") as store:
            await work(store.redis)

    asyncio.run(go())


def publish(folder: Path) -> str:
    """Publish the folder's flow, and count dialogues in it; answer its version."""
    bundle = bundle_of(folder / "small.yaml", Catalogue.load())

    async def work(redis: Redis) -> None:
        entry = await Releases(redis).propose(
            bundle, author="ann", message="first", parent=None, needs_approval=False, at=AT
        )
        assert entry.version == bundle.version
        await counted(redis, bundle.version)

    in_store(folder, work)
    return bundle.version


async def counted(redis: Redis, version: str) -> None:
    figures = Figures(redis)
    figures._counts["small", version, "2026-03-02"] = dict(COUNTS)
    assert await figures.flush()


# --- graph ---


def test_a_flow_is_drawn_to_the_file_that_is_named(run: Run, folder: Path, settings: Path, tmp_path: Path) -> None:
    told = run("graph", "-o", tmp_path / "line.svg", "-c", settings)
    assert told.code == 0
    assert "drawn" in told.err
    root = ElementTree.parse(tmp_path / "line.svg").getroot()
    assert root.findtext("{http://www.w3.org/2000/svg}title", "").startswith("Flow small, version ")
    assert run("graph", folder / "small.yaml", "-o", tmp_path / "line.mmd").code == 0
    assert "flowchart LR" in (tmp_path / "line.mmd").read_text(encoding="utf-8")
    told = run("graph", "-o", tmp_path / "no" / "where.svg", "-c", settings)
    assert told.code == 2
    assert "cannot write" in told.err


def test_a_flow_is_drawn_to_standard_output(run: Run, folder: Path, settings: Path) -> None:
    for what in (folder, folder / "small.yaml", "small"):
        data = json.loads(run("graph", what, "--format", "json", "-c", settings).out)
        assert data["flow"] == "small"
        assert len(data["steps"]) == 17


def test_a_version_is_drawn_by_its_beginning_or_by_a_word(run: Run, folder: Path, settings: Path) -> None:
    version = publish(folder)
    for what in ("live", version, version[:6]):
        assert json.loads(run("graph", what, "--format", "json", "-c", settings).out)["version"] == version


def test_figures_lie_over_the_live_version(run: Run, folder: Path, settings: Path) -> None:
    publish(folder)
    (folder / "small.yaml").write_text(SMALL.replace("Bye", "Good bye"), encoding="utf-8")  # not published
    data = json.loads(run("graph", "--stats", "--format", "json", "-c", settings).out)
    main_ = next(step for step in data["steps"] if step["name"] == "main")
    assert main_["figures"] == {"visits": 100, "hangups": 20, "failed": 5, "average_s": 3.0}
    assert "100 visits · 20.0% hang up · 3.0 s" in run("graph", "--stats", "-c", settings).out


def test_figures_lie_over_a_folder_that_is_served_as_it_is(run: Run, folder: Path, settings: Path) -> None:
    version = FlowStore(folder, Catalogue.load()).current("small").version
    in_store(folder, lambda redis: counted(redis, version))
    served = settings.read_text(encoding="utf-8").replace("[flows]\n", '[flows]\nserve = "folder"\n')
    settings.write_text(served, encoding="utf-8")
    assert "100 visits · 20.0% hang up · 3.0 s" in run("graph", "--stats", "-c", settings).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["graph", "nosuch"], "there is no flow 'nosuch'"),
        (["graph", "0123456789abcdef"], "no kept version of flow 'small'"),
        (["graph", "live"], "nothing is live yet"),
        (["graph", "pending"], "nothing waits for approval"),
        (["diff", "draft"], "there is no draft"),
        (["stats", "--version", "live"], "nothing is live yet"),
    ],
)
def test_what_is_not_there_is_told_with_the_mend(run: Run, settings: Path, arguments: list[str], words: str) -> None:
    told = run(*arguments, "-c", settings)
    assert told.code == 2
    assert words in told.err
    assert "Traceback" not in told.err


def test_a_flow_that_does_not_load_is_told_with_its_place(run: Run, folder: Path, settings: Path) -> None:
    (folder / "small.yaml").write_text(SMALL.replace("next: main}", "next: mian}", 1), encoding="utf-8")
    told = run("graph", folder / "small.yaml", "-c", settings)
    assert told.code == 2
    assert "there is no step 'mian'" in told.err
    assert "main" in told.err


# --- diff ---


def test_differences_are_told_in_words_between_files(run: Run, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    text = SMALL.replace('"1": balance', '"1": payee').replace(
        "  send:\n    needs: auth\n", "  send:\n    needs: {voice: auth}\n"
    )
    other.write_text(text.replace('    "yes": send\n', '    "yes": told_no\n'), encoding="utf-8")
    told = run("diff", folder / "small.yaml", other)
    assert told.code == 0, told.err
    assert "menu main: key 1 now goes to payee (was: balance)" in told.out
    assert "gate auth is no longer needed by send by sms (but by voice)  (security)" in told.out
    assert "3 steps changed; 1 change of security" in told.out
    data = json.loads(run("diff", folder / "small.yaml", other, "--format", "json").out)
    change = next(change for change in data["changes"] if change["name"] == "main")
    assert (change["path"], change["was"], change["now"]) == (["choices", "1", "go"], "balance", "payee")
    assert data["summary"] == "3 steps changed; 1 change of security"


def test_without_names_the_folder_is_held_against_what_is_live(run: Run, folder: Path, settings: Path) -> None:
    publish(folder)
    assert run("diff", "-c", settings).out == "nothing changed\n"
    (folder / "small.yaml").write_text(SMALL.replace("digits: 1..9", "digits: 1..7"), encoding="utf-8")
    assert "ask amount: at most 7 digits (was 9)" in run("diff", "-c", settings).out
    assert "ask amount: at most 9 digits (was 7)" in run("diff", folder, "live", "-c", settings).out


# --- stats ---


def test_figures_are_a_table(run: Run, folder: Path, settings: Path) -> None:
    version = publish(folder)
    told = run("stats", "-c", settings)
    assert told.code == 0, told.err
    assert f"flow small, version {version}" in told.out
    assert "100 dialogues (10 by sms, 90 by voice); ended: done 70%, party left 30%" in told.out
    main_ = next(line for line in told.out.splitlines() if "│ main" in line)
    cells = [cell.strip() for cell in main_.strip("│").split("│")]
    assert cells == [
        "main",
        "100",
        "80",
        "25",
        "5",
        "20 (20.0%)",
        "5 (5.0%)",
        "3.0 s",
        "gate auth 60, key 1 60, key 2 15",
    ]


@pytest.mark.parametrize(
    ("sort", "first"),
    [("visits", "main"), ("hangups", "main"), ("name", "amount"), ("time", "main"), ("failed", "main")],
)
def test_figures_are_sorted_as_asked(run: Run, folder: Path, settings: Path, sort: str, first: str) -> None:
    publish(folder)
    data = json.loads(run("stats", "--sort", sort, "--format", "json", "-c", settings).out)
    assert data["steps"][0]["step"] == first
    assert {step["step"] for step in data["steps"]} == {"main", "amount", "bye"}
    assert all(step["standing"] == 0 for step in data["steps"])


def test_figures_are_rows_for_a_spreadsheet(run: Run, folder: Path, settings: Path) -> None:
    publish(folder)
    rows = list(csv.DictReader(io.StringIO(run("stats", "--format", "csv", "-c", settings).out)))
    assert [row["step"] for row in rows] == ["main", "bye", "amount"]
    assert (rows[2]["hangups"], rows[2]["hangup_share"], rows[2]["ways"]) == ("10", "0.6667", "goes on 5")


def test_only_the_days_that_are_asked_for_are_counted(run: Run, folder: Path, settings: Path) -> None:
    publish(folder)
    assert "nothing was counted" in run("stats", "--days", "1", "-c", settings).out


def test_a_version_that_is_no_longer_kept_still_has_its_figures(run: Run, folder: Path, settings: Path) -> None:
    in_store(folder, lambda redis: counted(redis, "feedfacefeedface"))
    assert "version feedfacefeedface" in run("stats", "-c", settings).out
    assert "version feedfacefeedface" in run("stats", "--version", "feed", "-c", settings).out


def test_a_live_version_that_nobody_called_yet_is_not_mixed_up_with_another(
    run: Run, folder: Path, settings: Path
) -> None:
    first = publish(folder)
    in_store(folder, lambda redis: counted(redis, "feedfacefeedface"))
    assert f"version {first}" in run("stats", "-c", settings).out
    (folder / "small.yaml").write_text(SMALL.replace("Bye", "Good bye"), encoding="utf-8")
    second = bundle_of(folder / "small.yaml", Catalogue.load())

    async def work(redis: Redis) -> None:
        await Releases(redis).propose(second, author="ann", message="second", parent=first, needs_approval=False, at=AT)

    in_store(folder, work)
    told = run("stats", "-c", settings).out
    assert f"nothing was counted of flow 'small', version {second.version}" in told
    assert f"{first} (--version)" in told or f"{first}, feedfacefeedface (--version)" in told


def test_before_anybody_called_there_is_nothing_to_show(run: Run, settings: Path) -> None:
    told = run("stats", "-c", settings)
    assert told.code == 0
    assert told.out.strip() == "nothing was counted of flow 'small', any version"
