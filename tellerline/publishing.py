"""The gate before anything goes live: a version is made, checked and tried, and only then proposed.

What is tried is exactly what is published: the bundle is made once, its conversations run on the flow that was loaded
from it, and a folder that changed meanwhile is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows import inspect
from flows.errors import FlowError
from flows.inspect import Finding, Severity
from flows.model import Flow
from flows.releases.bundle import Bundle, bundle_of
from flows.releases.kept import keep_audio, kept_folder
from flows.store import CONVERSATIONS as CONVERSATIONS_FOLDER
from flows.store import DEFINITIONS, FixedFlows, flow_files
from sounds.catalogue import Catalogue
from sounds.manifest import problems
from tellerline.checking import MEND_AUDIO
from tellerline.config import Config
from tellerline.errors import TellerlineError
from tellerline.trying.conversation import Conversation
from tellerline.trying.loader import load_conversation
from tellerline.trying.play import Result
from tellerline.trying.runs import run_conversation

SHIPPED_CONVERSATIONS = Path(__file__).parent / "conversations"
ENGINE = "engine"  # the wire that conversations are tried on: no waiting, no ports
RECORD = ".tellerline.json"  # in a folder of flows: what its edits began from
_MAX_RECORD = 4096


class NotReadyError(TellerlineError):
    """A version may not go live; ``findings`` and ``failed`` say why, as ``check`` and ``try`` would show it."""

    def __init__(self, message: str, findings: Sequence[Finding] = (), failed: Sequence[Result] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)
        self.failed = tuple(failed)


class Progress:
    """Hears how far the gate is. This one says nothing."""

    def stage(self, what: str) -> None:
        """Something begins."""

    def trying(self, count: int) -> None:
        """So many conversations are about to be tried."""

    def tried(self, result: Result) -> None:
        """One was."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A version that passed."""

    bundle: Bundle
    flow: Flow
    warnings: tuple[Finding, ...]
    conversations: int
    skipped: int  # conversations for other wires than the engine


class Gate:
    """Makes, checks and tries versions."""

    def __init__(self, config: Config, progress: Progress | None = None) -> None:
        self._config = config
        self._progress = progress or Progress()
        self._catalogue = Catalogue.load(overlay=config.sounds.dir)

    def make(self, path: Path, name: str | None = None, *, draft: bool = False) -> Ready:
        """Make a version of the flow in ``path``, check it, and try every conversation of its folder with it.

        Args:
            path: the flow's folder, or its file.
            name: which flow, where the folder holds several.
            draft: only to be listened to: it has to be without errors, and its conversations may still be wrong.

        Raises:
            NotReadyError: it may not go live; the reasons are in it.
            LanguageError: a conversation does not load.
        """
        folder = path if path.is_dir() else path.parent
        self._refuse_other_sounds(folder)
        self._progress.stage("checking")
        file = path if path.is_file() else self._flow_file(path, name)
        found = inspect.check([file], self._catalogue, self._config.agi.call_limit_s)
        _refuse(found, "the check found errors")
        bundle = bundle_of(file, self._catalogue)
        self._refuse_what_nobody_gets(bundle.name)
        found += self._stale_recordings(bundle)
        _refuse(found, "what callers would hear is not what the texts say")
        flow = bundle.load(self._catalogue)
        conversations = [] if draft else _conversations(folder)
        meant = [one for one in conversations if ENGINE in one.through]
        if not meant and not draft:
            raise NotReadyError(
                f"no conversation tries this flow: there is none in {folder / CONVERSATIONS_FOLDER}\n"
                "  mend: Write one (tellerline flows play --record makes it from what you do), or copy one there."
            )
        self._try(flow, meant)
        if bundle_of(file, self._catalogue_now()).version != bundle.version:
            raise NotReadyError(f"{folder} or its sounds changed while it was tried\n  mend: Publish again.")
        warnings = tuple(finding for finding in found if finding.severity is not Severity.ERROR)
        return Ready(bundle, flow, warnings, len(meant), len(conversations) - len(meant))

    def keep_audio(self, bundle: Bundle) -> int:
        """Put aside the recordings that a version plays, before it is proposed; answer how many were copied.

        Raises:
            AudioNotKept: one cannot be.
        """
        folder = kept_folder(self._config.sounds.dir)
        return 0 if folder is None else keep_audio(bundle, self._catalogue, folder)

    def check_again(self, bundle: Bundle) -> Flow:
        """Check that this node's software loads a stored version and finds no error in it: before it is approved.

        Raises:
            NotReadyError: it does not.
        """
        self._progress.stage("checking")
        try:
            flow = bundle.load(self._catalogue)
        except FlowError as error:
            findings = [Finding.of_error(each) for each in (error, *error.more)]
            raise NotReadyError(f"version {bundle.version} does not load here", findings) from None
        found = inspect.check_flow(flow, flow.catalogue, self._config.agi.call_limit_s)
        _refuse(found, f"the check finds errors in version {bundle.version}")
        return flow

    def _flow_file(self, folder: Path, name: str | None) -> Path:
        """Answer the file of the flow in a folder."""
        files = flow_files(folder)
        if not files:
            raise NotReadyError(f"there is no flow in {folder}\n  mend: tellerline flows init makes a folder with one.")
        named = files if len(files) == 1 else [file for file in files if file.stem == name]
        if len(named) == 1:
            return named[0]
        _refuse(inspect.check(files, self._catalogue), "the check found errors")  # one that nobody can read is no flow
        names = ", ".join(file.name for file in files)
        raise NotReadyError(f"{folder} holds several flows: {names}\n  mend: Name the file of the one to publish.")

    def _try(self, flow: Flow, conversations: Sequence[Conversation]) -> None:
        """Try every conversation; all of them, so that one run shows all that fails."""
        config = self._config.model_copy(
            update={
                "agi": self._config.agi.model_copy(update={"flow": flow.name}),
                "sms": self._config.sms.model_copy(update={"flow": flow.name}),
            }
        )
        flows = FixedFlows(flow)
        failed: list[Result] = []
        self._progress.trying(len(conversations))
        for conversation in conversations:
            result = run_conversation(conversation, ENGINE, config=config, flows=flows, catalogue=self._catalogue)
            if not result.passed:
                failed.append(result)
            self._progress.tried(result)
        if failed:
            raise NotReadyError(f"{len(failed)} of {len(conversations)} conversations went otherwise", (), failed)

    def _refuse_what_nobody_gets(self, name: str) -> None:
        """Refuse a flow that neither calls nor texts begin in: it would be live, and nobody would hear it."""
        begun = dict.fromkeys((self._config.agi.flow, self._config.sms.flow))
        if name not in begun:
            raise NotReadyError(
                f"no call and no text begins in flow '{name}': the settings name {' and '.join(begun)}\n"
                "  mend: Name the flow so, set agi.flow or sms.flow, or name the server's settings with -c."
            )

    def _refuse_other_sounds(self, folder: Path) -> None:
        """Refuse a folder whose own sounds would be passed over: its texts would not be what is published."""
        own = folder / "sounds"
        configured = self._config.sounds.dir
        if not (own / "catalogue").is_dir() or (configured is not None and configured.resolve() == own.resolve()):
            return
        instead = f"the settings' sounds.dir is {configured}" if configured else "the settings name no sounds.dir"
        raise NotReadyError(
            f"{own} has sounds of its own, and {instead}\n"
            f"  mend: Name the settings with -c (flows init wrote {folder / 'tellerline.toml'}), or set sounds.dir."
        )

    def _stale_recordings(self, bundle: Bundle) -> list[Finding]:
        """Find recordings that say something else than the texts do by now."""
        found: list[Finding] = []
        for lang in bundle.texts:
            texts = {id_: text for id_, text in self._catalogue.texts(lang).items() if id_ in bundle.audio}
            stale = problems(texts, self._catalogue.audio_roots())
            found += [Finding(f"sounds/{lang}", 1, 1, problem, MEND_AUDIO) for problem in stale]
        return found

    def _catalogue_now(self) -> Catalogue:
        return Catalogue.load(overlay=self._config.sounds.dir)


def moves_money(flow: Flow) -> bool:
    """Answer whether a flow can move money: such a one needs four eyes unless the settings say otherwise."""
    return any(step.moves_money for step in flow.steps.values())


def needs_approval(flow: Flow, config: Config) -> bool:
    """Answer whether somebody else than the author has to approve ``flow`` before it is live."""
    match config.flows.four_eyes:
        case "always":
            return True
        case "never":
            return False
        case _:
            return moves_money(flow)


# --- what a folder's edits began from ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begun:
    """What a folder's edits began from: the version that was live then, and the one that was last proposed from it."""

    base: str | None = None
    proposed: str | None = None

    def parent(self, live: str | None) -> str | None:
        """Answer the version that a new one is made over.

        What is live has to be what the folder began from, or what was published from it: else somebody else's change
        would be lost without a word, and the register refuses.
        """
        known = self.base is not None or self.proposed is not None
        return live if not known or live in (self.base, self.proposed) else self.base


def begun_of(folder: Path, name: str) -> Begun:
    """Read what the edits of flow ``name`` in a folder began from; nothing is known of a folder made by hand."""
    known = _recorded(folder).get(name)
    if not isinstance(known, dict):
        return Begun()
    base, proposed = known.get("base"), known.get("proposed")
    return Begun(base if isinstance(base, str) else None, proposed if isinstance(proposed, str) else None)


def remember(folder: Path, name: str, begun: Begun) -> bool:
    """Write it down beside the flow, to travel with it; answer False where the folder cannot be written to."""
    record = {**_recorded(folder), name: {"base": begun.base, "proposed": begun.proposed}}
    try:
        (folder / RECORD).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    except OSError:
        return False
    return True


def _recorded(folder: Path) -> Mapping[str, object]:
    try:
        file = folder / RECORD
        found = json.loads(file.read_text(encoding="utf-8")) if file.stat().st_size <= _MAX_RECORD else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# --- the files ----------------------------------------------------------------------------------------------------


def _conversations(folder: Path) -> list[Conversation]:
    """Load the folder's conversations; those that come with it for the flows that come with it."""
    place = folder / CONVERSATIONS_FOLDER
    if not place.is_dir() and folder.resolve() == DEFINITIONS.resolve():
        place = SHIPPED_CONVERSATIONS
    return [load_conversation(file) for file in sorted(place.rglob("*.yaml"))]


def _refuse(found: Sequence[Finding], message: str) -> None:
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    if errors:
        raise NotReadyError(message, found)
