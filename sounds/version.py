"""The catalogue of one published version of a flow: its own texts, and recordings as they were when it was published.

An operator who records a prompt anew changes nothing for the callers of what is live: until the next version is
published they hear the recording that was put aside for theirs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from sounds.catalogue import KEPT, Catalogue
from sounds.catalogue_file import Entry

__all__ = ["KEPT", "VersionCatalogue", "digest_of_file"]

_MAX_DIGESTS = 20_000  # files whose digest is remembered: three full catalogues

_Stamp = tuple[int, int]
_digests: dict[Path, tuple[_Stamp, str]] = {}


class VersionCatalogue(Catalogue):
    """What one version says. Names, clips of numbers and the folders of audio are those of the node's catalogue."""

    def __init__(
        self,
        base: Catalogue,
        texts: Mapping[str, Mapping[str, Mapping[str, str]]],
        audio: Mapping[str, str],
        kept: Path | None = None,
    ) -> None:
        """Make one.

        Args:
            base: the node's catalogue.
            texts: language to prompt to ``say``, ``sms`` and ``keys``.
            audio: audio id to the SHA-256 of the recording.
            kept: the folder of the recordings put aside, below the first folder of audio; None plays what is there.
        """
        prompts = {
            lang: {id_: Entry(said["say"], said["sms"], said.get("keys", "")) for id_, said in entries.items()}
            for lang, entries in texts.items()
        }
        super().__init__(prompts, base.names, base.audio_roots())
        self._audio = audio
        self._kept = kept
        self._resolved: dict[str, tuple[_Stamp | None, str]] = {}

    @property
    def recordings(self) -> Collection[str]:
        """The SHA-256 of every recording of this version."""
        return self._audio.values()

    def clip(self, audio_id: str) -> str:
        """Answer the recording as it was published: ``kept/<sha256>`` where another one lies in its place now."""
        sha = self._audio.get(audio_id)
        if sha is None or self._kept is None:
            return audio_id
        stamp = _stamp_of(self.audio_roots()[0] / f"{audio_id}.wav")  # only an operator's own file ever changes
        resolved = self._resolved.get(audio_id)
        if resolved is None or resolved[0] != stamp:
            resolved = self._resolved[audio_id] = (stamp, self._resolve(audio_id, sha, self._kept))
        return resolved[1]

    def _resolve(self, audio_id: str, sha: str, kept: Path) -> str:
        now = self.find_audio(audio_id)
        if (now is not None and digest_of_file(now) == sha) or not (kept / f"{sha}.wav").is_file():
            return audio_id
        return f"{KEPT}/{sha}"


def digest_of_file(file: Path) -> str:
    """Answer the SHA-256 of ``file``; read again only when its time or size has changed."""
    status = file.stat()
    stamp = (status.st_mtime_ns, status.st_size)
    known = _digests.get(file)
    if known is not None and known[0] == stamp:
        return known[1]
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    if len(_digests) >= _MAX_DIGESTS:
        _digests.clear()
    _digests[file] = (stamp, sha)
    return sha


def _stamp_of(file: Path) -> _Stamp | None:
    try:
        status = os.stat(file)  # noqa: PTH116 - half the time of Path.stat, at every prompt of every call
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
