"""The flows of one bank: read from a folder, read again when files change, old versions kept for their sessions."""

from __future__ import annotations

from pathlib import Path

from flows.errors import FlowError
from flows.loader import Texts, load_flow
from flows.model import Flow
from sounds.catalogue import Catalogue

MAX_VERSIONS = 50  # of one flow kept in memory: longer than any call or any wait for a text lasts
DEFINITIONS = Path(__file__).parent / "definitions"  # the demo bank's


def prompt_texts(catalogue: Catalogue) -> dict[str, str]:
    """Answer the texts of every prompt in all languages, for a flow's version."""
    texts: dict[str, str] = {}
    for lang in catalogue.languages:
        for id_ in catalogue.prompt_ids(lang):
            said = f"{lang}\0{catalogue.prompt(id_, lang)}\0{catalogue.sms_text(id_, lang)}"
            texts[id_] = f"{texts.get(id_, '')}\0{said}"
    return texts


class FlowStore:
    """Flows by name and version. A file that does not load never replaces one that runs."""

    def __init__(self, directory: Path = DEFINITIONS, catalogue: Catalogue | None = None) -> None:
        """Read every ``*.yaml`` of ``directory``.

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
        seen: dict[Path, tuple[int, int]] = {}
        for path in sorted(self._directory.glob("*.yaml")):
            try:
                seen[path] = _stamp(path)
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
        """Reload when a file changed since it was last read; None when none did."""
        now: dict[Path, tuple[int, int]] = {}
        for path in sorted(self._directory.glob("*.yaml")):
            try:
                now[path] = _stamp(path)
            except OSError:
                continue
        return self.reload() if now != self._seen else None

    def _take(self, flow: Flow) -> None:
        versions = self._versions.setdefault(flow.name, {})
        same = versions.pop(flow.version, None)
        versions[flow.version] = same or flow  # the last one is the current one
        while len(versions) > MAX_VERSIONS:
            del versions[next(iter(versions))]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
