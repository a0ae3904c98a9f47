"""A bundle: everything that one version of a flow is made of, and its version, which is a hash over all of it.

Files and texts are in the bundle itself, recordings by their SHA-256: :mod:`flows.releases.kept` has the files. Of the
clips that numbers, digits and dates are put together from, all of a language count by one digest; those that an
operator recorded anew are named one by one, since only they are kept.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from flows.errors import FlowError
from flows.model import Flow
from flows.prompts import SYSTEM_PROMPTS
from flows.reading.loader import load_flow, load_flow_files
from flows.releases.errors import BundleBroken
from flows.store import flow_files
from sounds.catalogue import Catalogue
from sounds.version import VersionCatalogue, digest_of_file

FORMAT = 1
VERSION_LENGTH = 16  # hex digits: enough that no two versions of one bank's flows meet
MAX_BYTES = 1024 * 1024  # packed; a bank's whole line takes 15 KiB
MAX_UNPACKED_BYTES = 16 * 1024 * 1024  # 40 files of 256 KiB, and their texts

Texts: TypeAlias = Mapping[str, Mapping[str, Mapping[str, str]]]  # language -> prompt -> say, sms, keys


@dataclass(frozen=True, slots=True)
class Bundle:
    """One version of one flow.

    Attributes:
        main: the name of the flow's own file in ``files``.
        files: file name to text: the flow's own and those that it includes.
        texts: what its prompts say, those of the engine and the channels among them.
        audio: audio id to the SHA-256 of its recording.
        fragments: language to one digest over the clips of numbers, digits and dates.
    """

    name: str
    version: str
    main: str
    files: Mapping[str, str]
    texts: Texts
    audio: Mapping[str, str]
    fragments: Mapping[str, str] = field(default_factory=dict)

    def load(self, catalogue: Catalogue, kept: Path | None = None) -> Flow:
        """Answer the flow, with this version and a catalogue of its own.

        It reads files and takes tens of milliseconds: keep it off the event loop.

        Args:
            catalogue: of the node: names, clips of numbers, and the folders of audio.
            kept: folder of the recordings that were put aside, as ``<sha256>.wav``; None plays what is there now.

        Raises:
            FlowError: this Tellerline cannot run it.
        """
        flow = load_flow_files(self.main, self.files)
        view = VersionCatalogue(catalogue, self._said(catalogue), self.audio, kept)
        return replace(flow, version=self.version, catalogue=view)

    def _said(self, catalogue: Catalogue) -> Texts:
        """Answer its texts, and those of prompts that the engine learned to say after it was published."""
        return {
            lang: {**_texts_of((id_ for id_ in SYSTEM_PROMPTS if id_ not in texts), catalogue, lang), **texts}
            for lang, texts in self.texts.items()
        }

    def to_bytes(self) -> bytes:
        """Pack it."""
        return zlib.compress(_json({"format": FORMAT, "version": self.version, **_content(self)}), 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """Unpack what :meth:`to_bytes` packed.

        Raises:
            BundleBroken: it is not that, or not whole.
        """
        try:
            unpacking = zlib.decompressobj()
            text = unpacking.decompress(data, MAX_UNPACKED_BYTES)
            if not unpacking.eof:
                raise BundleBroken("cut short, or larger than a flow can be")
            content: Any = json.loads(text)
            found = content["format"]
            if found != FORMAT:
                raise BundleBroken(f"format {found}, and this Tellerline reads {FORMAT}")
            bundle = cls(
                name=str(content["name"]),
                version=str(content["version"]),
                main=str(content["main"]),
                files={str(name): str(text) for name, text in content["files"].items()},
                texts=content["texts"],
                audio={str(audio_id): str(sha) for audio_id, sha in content["audio"].items()},
                fragments={str(lang): str(digest) for lang, digest in content["fragments"].items()},
            )
        except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            raise BundleBroken(type(problem).__name__) from None
        if bundle.main not in bundle.files:
            raise BundleBroken(f"there is no {bundle.main} in it")
        if bundle.version != version_of(bundle):
            raise BundleBroken("its version is not the hash of what it holds")
        return bundle


def bundle_of(path: Path, catalogue: Catalogue, name: str | None = None) -> Bundle:
    """Answer the bundle of a flow, as its file, the files that it includes, and the catalogue are now.

    Args:
        path: the flow's file, or its folder.
        catalogue: what its prompts say and sound like.
        name: which flow of a folder that holds several.

    Raises:
        FlowError: it does not load, or the folder holds no such flow.
    """
    file = path if path.is_file() else _file_in(path, name)
    return bundle_of_flow(load_flow(file), catalogue)


def bundle_of_flow(flow: Flow, catalogue: Catalogue) -> Bundle:
    """Answer the bundle of a flow that was loaded from a file. Raises as :func:`bundle_of` does."""
    main = Path(flow.file).name
    texts = {lang: _texts(flow, catalogue, lang) for lang in _languages(flow, catalogue)}
    audio: dict[str, str] = {}
    fragments: dict[str, str] = {}
    for lang, prompts in texts.items():
        for prompt in prompts:
            if (found := catalogue.find_audio(audio_id := catalogue.audio_id(prompt, lang))) is not None:
                audio[audio_id] = digest_of_file(found)
        fragments[lang], own = _fragments(catalogue, lang)
        audio.update(own)
    files = {main: flow.source_text, **flow.included}
    bundle = Bundle(flow.name, "", main, files, texts, audio, fragments)
    bundle = replace(bundle, version=version_of(bundle))
    if len(bundle.to_bytes()) > MAX_BYTES:
        raise FlowError(flow.file, 1, 1, f"with all that it uses it takes more than {MAX_BYTES >> 10} KiB", "Split it.")
    return bundle


def version_of(bundle: Bundle) -> str:
    """Answer the version: a hash over all that the bundle holds."""
    return hashlib.sha256(_json({"format": FORMAT, **_content(bundle)})).hexdigest()[:VERSION_LENGTH]


def _content(bundle: Bundle) -> dict[str, Any]:
    return {
        "name": bundle.name,
        "main": bundle.main,
        "files": dict(bundle.files),
        "texts": bundle.texts,
        "audio": dict(bundle.audio),
        "fragments": dict(bundle.fragments),
    }


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _file_in(folder: Path, name: str | None) -> Path:
    files = flow_files(folder)
    if name is not None:
        for file in files:
            if load_flow(file).name == name:
                return file
        raise FlowError(str(folder), 1, 1, f"there is no flow '{name}' in this folder", "Name a flow that is there.")
    if len(files) != 1:
        names = ", ".join(file.name for file in files)
        message = f"this folder holds several flows: {names}" if files else "there is no flow in this folder"
        raise FlowError(str(folder), 1, 1, message, "Name the flow's file.")
    return files[0]


def _languages(flow: Flow, catalogue: Catalogue) -> Iterable[str]:
    spoken = {*flow.languages, *(lang for chain in flow.fallbacks.values() for lang in chain)}
    return sorted(spoken & set(catalogue.languages))


def _texts(flow: Flow, catalogue: Catalogue, lang: str) -> dict[str, dict[str, str]]:
    return _texts_of(sorted({*flow.prompts, *SYSTEM_PROMPTS}), catalogue, lang)


def _texts_of(prompts: Iterable[str], catalogue: Catalogue, lang: str) -> dict[str, dict[str, str]]:
    return {
        prompt: {
            "say": catalogue.prompt(prompt, lang),
            "sms": catalogue.sms_text(prompt, lang),
            "keys": catalogue.keys(prompt, lang),
        }
        for prompt in prompts
        if catalogue.has_prompt(prompt, lang)
    }


def _fragments(catalogue: Catalogue, lang: str) -> tuple[str, dict[str, str]]:
    """Answer one digest over all of them, and the SHA-256 of those that are the operator's own."""
    digest, own = hashlib.sha256(), {}
    for audio_id in catalogue.fragment_ids(lang):
        file = catalogue.find_audio(audio_id)
        if file is None:
            continue
        sha = digest_of_file(file)
        digest.update(f"{audio_id}\0{sha}\0".encode())
        if catalogue.is_own(file):
            own[audio_id] = sha
    return digest.hexdigest(), own


__all__ = ["FORMAT", "MAX_BYTES", "Bundle", "bundle_of", "bundle_of_flow", "version_of"]
