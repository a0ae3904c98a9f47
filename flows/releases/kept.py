"""Recordings put aside: every prompt that a version says stays as it was, in ``<sounds.dir>/audio/kept/<sha256>.wav``.

They are kept by content, so a recording that many versions share is there once.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from flows.releases.bundle import Bundle
from flows.releases.errors import AudioNotKept
from sounds.catalogue import Catalogue
from sounds.version import KEPT, digest_of_file

YOUNG_S = 3600  # a file younger than this is never swept: its version may be about to be published
_FILE = re.compile(r"[0-9a-f]{64}\.wav")


def kept_folder(sounds_dir: Path | None) -> Path | None:
    """Answer the folder of recordings put aside; None where no operator can change a recording."""
    return sounds_dir / "audio" / KEPT if sounds_dir is not None else None


def keep_audio(bundle: Bundle, catalogue: Catalogue, folder: Path, *, whole: bool = True) -> int:
    """Put aside the recordings of ``bundle`` that are not yet; answer how many were copied.

    Each is written whole, synced, and then named: a node that dies in the middle leaves no half recording.

    Args:
        whole: every recording must be kept, as before a version is published; else those that are still there as
            the bundle knows them, as on a node with a folder of sounds of its own.

    Raises:
        AudioNotKept: one is not there any more as the bundle knows it, or cannot be written.
    """
    copied = 0
    for audio_id, sha in bundle.audio.items():
        target = folder / f"{sha}.wav"
        if target.is_file():
            _touch(target)
            continue
        try:
            source = catalogue.find_audio(audio_id)
            if source is not None and digest_of_file(source) == sha:
                _copy(source, target)
                copied += 1
            elif whole:
                raise AudioNotKept(audio_id, "it was changed meanwhile: publish again")
        except OSError as error:
            raise AudioNotKept(audio_id, f"{error.filename or folder}: {error.strerror}") from None
    if copied:
        _sync_folder(folder)
    return copied


def sweep_audio(folder: Path, needed: Iterable[str], now_s: float | None = None) -> int:
    """Delete the recordings put aside whose SHA-256 is not in ``needed``; answer how many."""
    keep = set(needed)
    before = (time.time() if now_s is None else now_s) - YOUNG_S
    gone = 0
    if not folder.is_dir():
        return 0
    for file in folder.iterdir():
        if not _FILE.fullmatch(file.name) or file.stem in keep:
            continue
        try:
            if file.stat().st_mtime < before:
                file.unlink()
                gone += 1
        except FileNotFoundError:
            continue  # another node sweeps too
    return gone


def _touch(file: Path) -> None:
    """Make ``file`` young: it is needed again."""
    with contextlib.suppress(OSError):  # another user's, or a folder that is only read here
        os.utime(file)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    data = source.read_bytes()
    with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".part", delete=False) as part:
        try:
            part.write(data)
            part.flush()
            os.fsync(part.fileno())
            os.fchmod(part.fileno(), 0o644)  # Asterisk runs as its own user
            Path(part.name).replace(target)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
