"""The catalogue: prompt id -> what is spoken, what a text says, and which audio file says it, per language.

A root folder holds ``catalogue/{lang}.yaml``, ``catalogue/names.yaml`` and ``audio/``. The shipped root lies beside
this module; an operator's own folder can lie over it (:meth:`Catalogue.load`), prompt by prompt and file by file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from sounds.catalogue_file import Entry, Name, read_names, read_prompts, written_forms
from sounds.errors import CatalogueError, SoundsError
from sounds.inventory import fragments
from sounds.words import LANGUAGES

__all__ = ["KEPT", "SHIPPED_ROOT", "Catalogue", "UnknownPromptError"]

SHIPPED_ROOT = Path(__file__).parent
KEPT = "kept"  # the folder below ``audio`` that recordings of published versions are put aside in, ``<sha256>.wav``
_SUFFIX = ".wav"


class UnknownPromptError(SoundsError, KeyError):
    """A prompt id that no catalogue has in that language."""

    def __str__(self) -> str:
        return str(self.args[0])


class Catalogue:
    """Every prompt, name and clip of every language. Immutable once loaded; load another to see changed files."""

    def __init__(
        self,
        prompts: Mapping[str, Mapping[str, Entry]],
        names: Mapping[str, Name],
        audio_roots: tuple[Path, ...],
    ) -> None:
        self._prompts = prompts
        self._names = names
        self._known_names = {
            form: name.id for name in names.values() for text in name.written.values() for form in written_forms(text)
        }
        self._audio_roots = audio_roots
        self._paths: dict[str, Path] = {}

    @classmethod
    def load(cls, root: Path | None = None, overlay: Path | None = None) -> Catalogue:
        """Read the catalogue of ``root`` (the shipped one by default), with an operator's ``overlay`` over it.

        Raises:
            CatalogueError: a file says something it must not; the message names file, line and mend.
        """
        prompts: dict[str, dict[str, Entry]] = {}
        names: dict[str, Name] = {}
        roots = [base for base in (overlay, root or SHIPPED_ROOT) if base is not None]
        for base in reversed(roots):
            folder = base / "catalogue"
            for file in sorted(folder.glob("*.yaml")):
                if file.stem == "names":
                    names.update(read_names(file))
                    continue
                if file.stem not in LANGUAGES:
                    mend = f"The languages are {', '.join(LANGUAGES)}"
                    raise CatalogueError(file, 1, f"nobody speaks '{file.stem}' here", mend)
                prompts.setdefault(file.stem, {}).update(read_prompts(file))
        if not prompts:
            missing = roots[-1] / "catalogue" / "en.yaml"
            raise CatalogueError(missing, 1, "there is no catalogue", "Point at a folder with catalogue/en.yaml")
        return cls(prompts, names, tuple(base / "audio" for base in roots))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have a catalogue."""
        return tuple(sorted(self._prompts))

    def prompt_ids(self, lang: str) -> tuple[str, ...]:
        """Answer every prompt id of ``lang``, sorted."""
        return tuple(sorted(self._prompts.get(lang, {})))

    def has_prompt(self, prompt: str, lang: str) -> bool:
        """Say whether ``prompt`` can be said in ``lang``."""
        return prompt in self._prompts.get(lang, {})

    def prompt(self, prompt: str, lang: str) -> str:
        """Answer what is spoken.

        Raises:
            UnknownPromptError: not in the catalogue.
        """
        return self._entry(prompt, lang).say

    def sms_text(self, prompt: str, lang: str) -> str:
        """Answer what a text message says.

        Raises:
            UnknownPromptError: not in the catalogue.
        """
        return self._entry(prompt, lang).sms

    def keys(self, prompt: str, lang: str) -> str:
        """Answer the keys that the prompt announces (``"123"``); empty when it announces none.

        Raises:
            UnknownPromptError: not in the catalogue.
        """
        return self._entry(prompt, lang).keys

    def audio_id(self, prompt: str, lang: str) -> str:
        """Answer the prompt's audio id, ``zh/welcome``.

        Raises:
            UnknownPromptError: not in the catalogue.
        """
        self._entry(prompt, lang)
        return f"{lang}/{prompt}"

    def name_audio(self, name: str, lang: str) -> str | None:
        """Answer the audio id of a person's name, however it is written; None when nobody recorded it."""
        for form in written_forms(name):
            clip = self._known_names.get(form)
            if clip is not None and self.has_audio(audio_id := f"{lang}/name/{clip}"):
                return audio_id
        return None

    def has_audio(self, audio_id: str) -> bool:
        """Say whether a file plays ``audio_id``."""
        return self._found(audio_id) is not None

    def audio_path(self, audio_id: str) -> Path:
        """Answer the file that plays ``audio_id``.

        Raises:
            SoundsError: there is none.
        """
        path = self._found(audio_id)
        if path is None:
            raise SoundsError(f"no audio for '{audio_id}': run `tellerline sounds build`, or add a recording")
        return path

    def texts(self, lang: str) -> dict[str, str]:
        """Answer everything that needs audio in ``lang``: audio id to what it says (prompts, fragments, names)."""
        texts = {f"{lang}/{prompt}": entry.say for prompt, entry in self._prompts.get(lang, {}).items()}
        texts.update({f"{lang}/{fragment}": text for fragment, text in fragments(lang).items()})
        texts.update(
            {f"{lang}/name/{name.id}": name.written[lang] for name in self._names.values() if lang in name.written}
        )
        return texts

    def pronunciation(self, audio_id: str) -> str | None:
        """Answer how a voice is asked to say a name; None where it says what is written."""
        lang, _, name = audio_id.partition("/")
        known = self._names.get(name.removeprefix("name/")) if name.startswith("name/") else None
        return known.say.get(lang) if known is not None else None

    def text_of(self, audio_id: str) -> str | None:
        """Answer what ``audio_id`` says; None when it is nothing of this catalogue."""
        lang, _, name = audio_id.partition("/")
        entry = self._prompts.get(lang, {}).get(name)
        if entry is not None:
            return entry.say
        if name.startswith("name/"):
            known = self._names.get(name.removeprefix("name/"))
            return known.written.get(lang) if known is not None else None
        return fragments(lang).get(name) if lang in LANGUAGES else None

    def missing_audio(self, languages: Iterable[str] | None = None) -> list[str]:
        """Answer every audio id that should play and has no file."""
        wanted = self.languages if languages is None else tuple(languages)
        return [audio_id for lang in wanted for audio_id in self.texts(lang) if not self.has_audio(audio_id)]

    def audio_roots(self) -> tuple[Path, ...]:
        """Answer the folders of audio, the operator's first."""
        return self._audio_roots

    def clip(self, audio_id: str) -> str:
        """Answer the id of the file that plays ``audio_id`` for who speaks from this catalogue: here, the same."""
        return audio_id

    def find_audio(self, audio_id: str) -> Path | None:
        """Answer the file that plays ``audio_id`` as the folders are now; None when there is none."""
        relative = _relative(audio_id)
        return next((path for root in self._audio_roots if relative and (path := root / relative).is_file()), None)

    def is_own(self, file: Path) -> bool:
        """Say whether ``file`` is an operator's: it lies in a folder over the shipped one."""
        return any(file.is_relative_to(root) for root in self._audio_roots[:-1])

    def kept_ids(self) -> tuple[str, ...]:
        """Answer the audio ids of the recordings that were put aside for published versions, sorted."""
        folders = [root / KEPT for root in self._audio_roots]
        return tuple(sorted(f"{KEPT}/{file.stem}" for folder in folders for file in folder.glob(f"*{_SUFFIX}")))

    def fragment_ids(self, lang: str) -> tuple[str, ...]:
        """Answer the audio ids of the clips that numbers, digits and dates are put together from, sorted."""
        return tuple(sorted(f"{lang}/{name}" for name in fragments(lang)))

    @property
    def names(self) -> Mapping[str, Name]:
        """The names that have clips."""
        return self._names

    def _entry(self, prompt: str, lang: str) -> Entry:
        entry = self._prompts.get(lang, {}).get(prompt)
        if entry is None:
            raise UnknownPromptError(f"prompt '{prompt}' is not in the catalogue of '{lang}'")
        return entry

    def _found(self, audio_id: str) -> Path | None:
        kept = self._paths.get(audio_id)
        if kept is not None:
            return kept
        path = self.find_audio(audio_id)
        if path is not None:
            self._paths[audio_id] = path  # only what is there is remembered: audio may be added while we run
        return path


def _relative(audio_id: str) -> PurePosixPath | None:
    relative = PurePosixPath(audio_id + _SUFFIX)
    return None if relative.is_absolute() or ".." in relative.parts else relative
