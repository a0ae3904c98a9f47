"""The flows of one bank: read from a folder, read again when files change, old versions kept for their sessions."""

from __future__ import annotations

from pathlib import Path

from core_client.language.source import read_source
from flows.errors import FlowError
from flows.model import Flow
from flows.reading.files import is_only_included
from flows.reading.loader import Texts, load_flow
from sounds.catalogue import Catalogue

MAX_VERSIONS = 50  # of one flow kept in memory: longer than any call or any wait for a text lasts
CONVERSATIONS = "conversations"  # the folder below the flows that no flow includes anything from
DEFINITIONS = Path(__file__).parent / "definitions"  # the demo bank's


def prompt_texts(catalogue: Catalogue) -> dict[str, str]:
    """Answer the texts of every prompt in all languages, for a flow's version."""
    texts: dict[str, str] = {}
    for lang in catalogue.languages:
        for id_ in catalogue.prompt_ids(lang):
            said = f"{lang}\0{catalogue.prompt(id_, lang)}\0{catalogue.sms_text(id_, lang)}"
            texts[id_] = f"{texts.get(id_, '')}\0{said}"
    return texts


def flow_files(folder: Path) -> list[Path]:
    """Answer the files of ``folder`` that are flows of their own, sorted: not those that are only included.

    One that cannot be read as YAML is among them, so that loading it says what is wrong.
    """
    return [path for path in sorted(folder.glob("*.yaml")) if _is_flow(path)]


def _is_flow(path: Path) -> bool:
    try:
        return not is_only_included(read_source(path, FlowError))
    except FlowError:
        return path.is_file()  # loading it says what is wrong


class FixedFlows:
    """Exactly these flows, one version each, for good: what the conversations of a version run on."""

    def __init__(self, *flows: Flow) -> None:
        self._flows = {flow.name: flow for flow in flows}

    def current(self, name: str) -> Flow:
        """Answer the flow of that name; KeyError when it is not one of them."""
        return self._flows[name]

    async def version(self, name: str, version: str) -> Flow:
        """Answer the flow when it is of that version; KeyError when it is not."""
        flow = self._flows[name]
        if flow.version != version:
            raise KeyError(version)
        return flow


class FlowStore:
    """Flows by name and version. A file that does not load never replaces one that runs."""

    def __init__(self, directory: Path = DEFINITIONS, catalogue: Catalogue | None = None) -> None:
        """Read every flow of ``directory``.

        Raises:
            FlowError: one of them does not load: a server does not begin with half of its flows.
        """
        self._directory = directory
        self._texts: Texts = prompt_texts(catalogue) if catalogue is not None else {}
        self._versions: dict[str, dict[str, Flow]] = {}
        self._seen: dict[Path, tuple[int, int]] = {}
        errors = self.reload()
        if errors:
            raise errors[0]
        if not self._versions:
            raise FlowError(str(directory), 1, 1, "there is no flow in this folder", "Put a *.yaml flow there.")

    @property
    def names(self) -> tuple[str, ...]:
        """The flows that there are."""
        return tuple(sorted(self._versions))

    def current(self, name: str) -> Flow:
        """Answer the flow that new dialogues begin with; KeyError when there is none of that name."""
        versions = self._versions[name]
        return next(reversed(versions.values()))

    async def version(self, name: str, version: str) -> Flow:
        """Answer a version that a session began with; KeyError when it is not kept any more."""
        return self._versions[name][version]

    def reload(self) -> list[FlowError]:
        """Read every file again; answer what is wrong. Where a file is wrong, the flow that runs stays."""
        errors: list[FlowError] = []
        owners: dict[str, Path] = {}
        seen = self._stamps()  # before anything is read: what changes meanwhile is seen by the next poll
        for path in flow_files(self._directory):
            try:
                flow = load_flow(path, self._texts)
            except FlowError as error:
                errors.append(error)
                continue
            except OSError:
                continue  # gone between listing and reading: the next poll sees what is there
            if flow.name in owners:
                message = f"flow '{flow.name}' stands in {owners[flow.name].name} too"
                errors.append(FlowError(flow.file, 1, 1, message, "Give one of them another name."))
                continue
            owners[flow.name] = path
            self._take(flow)
        self._seen = seen
        return errors

    def poll(self) -> list[FlowError] | None:
        """Reload when a file changed since it was last read; None when none did. Any thread may do it, one at a time.

        It takes 40 ms for a bank's line: not on the loop that calls are on.
        """
        return self.reload() if self._stamps() != self._seen else None

    def _stamps(self) -> dict[Path, tuple[int, int]]:
        """Answer time and size of every file that a flow may include, conversations left out."""
        found: dict[Path, tuple[int, int]] = {}
        for path in sorted(self._directory.rglob("*.yaml")):
            if CONVERSATIONS in path.relative_to(self._directory).parts[:-1]:
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            found[path] = (status.st_mtime_ns, status.st_size)
        return found

    def _take(self, flow: Flow) -> None:
        versions = dict(self._versions.get(flow.name, {}))
        same = versions.pop(flow.version, None)
        versions[flow.version] = same or flow  # the last one is the current one
        while len(versions) > MAX_VERSIONS:
            del versions[next(iter(versions))]
        self._versions[flow.name] = versions  # at once: calls ask while another thread reloads
