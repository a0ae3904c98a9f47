"""The manifest: what every audio file says, in whose voice, and what its bytes are.

It is what finds stale audio: a prompt whose text changed after its clip was made, and a file that is not the one that
was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sounds.errors import ManifestError
from sounds.recording import sha256_of

FILE_NAME = "manifest.json"
RECORDED = "recorded"  # the voice of an operator's own recording
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Clip:
    """One audio file. ``text`` is what the catalogue said when the clip was made; ``said`` a name's pronunciation."""

    text: str
    voice: str
    sha256: str
    seconds: float
    said: str = ""


def read_manifest(audio: Path) -> dict[str, Clip]:
    """Read the manifest of the folder ``audio``: audio id to clip. Without a file, nothing is there yet.

    Raises:
        ManifestError: the file is broken.
    """
    file = audio / FILE_NAME
    if not file.exists():
        return {}
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ManifestError(f"{file} has format {data['format']}, not {_FORMAT}: build the sounds again")
        return {
            str(audio_id): Clip(
                str(row["text"]),
                str(row["voice"]),
                str(row["sha256"]),
                float(row["seconds"]),
                str(row.get("said", "")),
            )
            for audio_id, row in data["audio"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ManifestError(f"{file} is broken ({problem!r}): restore it, or build the sounds again") from None


def write_manifest(audio: Path, clips: Mapping[str, Clip]) -> None:
    """Write the manifest whole or not at all, one clip a line, sorted, so that changes show in a diff."""
    rows = [
        f"  {json.dumps(audio_id)}: {json.dumps(_row(clip), ensure_ascii=False)}"
        for audio_id, clip in sorted(clips.items())
    ]
    part = audio / (FILE_NAME + ".part")
    audio.mkdir(parents=True, exist_ok=True)
    head = f'{{"format": {_FORMAT},\n "audio": {{\n'
    part.write_text(head + ",\n".join(rows) + "\n}}\n", encoding="utf-8")
    part.replace(audio / FILE_NAME)


def _row(clip: Clip) -> dict[str, str | float]:
    return {name: value for name, value in asdict(clip).items() if name != "said" or value}


def problems(texts: Mapping[str, str], audio_roots: Iterable[Path]) -> list[str]:
    """Compare what the catalogue says (audio id to text) with the audio; answer what is wrong, each with its mend.

    Args:
        texts: everything that needs audio.
        audio_roots: the folders of audio, the one that wins first.

    Raises:
        ManifestError: a manifest is broken.
    """
    found: list[str] = []
    manifests = [(root, read_manifest(root)) for root in audio_roots]
    for audio_id, text in texts.items():
        for root, clips in manifests:
            file = root / f"{audio_id}.wav"
            if file.is_file():
                found += _clip_problems(audio_id, text, file, clips.get(audio_id))
                break
        else:
            found.append(f"{audio_id}: no audio says '{text}': run `tellerline sounds build`, or add a recording")
    return found


def _clip_problems(audio_id: str, text: str, file: Path, clip: Clip | None) -> list[str]:
    if clip is None:
        return [f"{audio_id}: {file} is in no manifest: add it with `tellerline sounds add`"]
    found = []
    if clip.text != text:
        found.append(f"{audio_id}: the audio says '{clip.text}', the catalogue '{text}': build or record it again")
    if clip.sha256 != sha256_of(file):
        found.append(f"{audio_id}: {file} is not the file that was made: build or record it again")
    return found
