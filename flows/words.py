"""What an engine's Say is on a channel: audio ids to play one after another, or the text of a message."""

from __future__ import annotations

from collections.abc import Callable

from core_client.domain.secret import Secret
from core_client.domain.values import SecretHandle
from flows.dialogue import (
    Item,
    Prompt,
    Say,
    SayDate,
    SayDigits,
    SayMoney,
    SayName,
    SayNumber,
    SaySecret,
    SayText,
)
from sounds import speech
from sounds.catalogue import Catalogue, UnknownPromptError
from sounds.errors import SpeechError

_NO_SPACE_BEFORE = ",.;:!?)，。；：！？、）\n"
_UNSPACED = frozenset({"zh", "ja"})  # languages that put no space between words


def files_for(say: Say, catalogue: Catalogue) -> list[str]:
    """Answer the audio ids that say it. What nobody recorded is left out: a call goes on without it.

    ``flows.inspect`` finds prompts without audio before they are missed.
    """
    files: list[str] = []
    for item in say.items:
        try:
            files += _files(item, _language_of(item, say, catalogue), catalogue)
        except (UnknownPromptError, SpeechError):
            continue
    return [catalogue.clip(file) for file in files]


def text_for(say: Say, catalogue: Catalogue, open_secret: Callable[[SecretHandle], Secret]) -> str:
    """Answer the text of a message that says it. ``open_secret`` opens a code, once, at the last moment."""
    spaced = say.language not in _UNSPACED
    text = ""
    for item in say.items:
        piece = _text(item, _language_of(item, say, catalogue), catalogue, open_secret)
        # Free text is set apart in every language: it was never written to fit.
        apart = spaced or isinstance(item, SayText)
        if apart and text and piece and not text.endswith("\n") and piece[0] not in _NO_SPACE_BEFORE:
            text += " "
        text += piece
    return text.strip("\n")


def transcript_for(say: Say, catalogue: Catalogue) -> str:
    """Answer what is said, for a person who reads along. A code shows as ``***``."""
    between = "" if say.language in _UNSPACED else " "
    return between.join(
        piece for item in say.items if (piece := _spoken(item, _language_of(item, say, catalogue), catalogue))
    )


def _language_of(item: Item, say: Say, catalogue: Catalogue) -> str:
    """Answer the language that ``item`` is said in: a prompt that the dialogue's lacks is said in a fallback."""
    if not say.fallbacks or not isinstance(item, Prompt) or catalogue.has_prompt(item.id, say.language):
        return say.language
    return next((lang for lang in say.fallbacks if catalogue.has_prompt(item.id, lang)), say.language)


def _files(item: Item, lang: str, catalogue: Catalogue) -> list[str]:
    match item:
        case Prompt():
            return [catalogue.audio_id(item.id, lang)]
        case SayMoney():
            return speech.money_fragments(item.money.amount_minor, item.money.currency, lang)
        case SayDigits():
            return speech.digits_fragments(_digits(item.digits), lang)
        case SayNumber():
            return speech.number_fragments(item.number, lang)
        case SayDate():
            return speech.date_fragments(item.date, lang)
        case SayName():
            clip = catalogue.name_audio(item.name, lang)
            return [clip] if clip is not None else []
        case SayText() | SaySecret():
            return []  # free text has no voice; a code is never spoken aloud


def _text(item: Item, lang: str, catalogue: Catalogue, open_secret: Callable[[SecretHandle], Secret]) -> str:
    match item:
        case Prompt():
            try:
                return catalogue.sms_text(item.id, lang)
            except UnknownPromptError:
                return ""
        case SayMoney():
            return speech.money_text(item.money.amount_minor, item.money.currency, lang)
        case SayDigits():
            return item.digits
        case SayNumber():
            return speech.number_text(item.number)
        case SayDate():
            return speech.date_text(item.date, lang)
        case SayName():
            return item.name
        case SayText():
            return item.text
        case SaySecret():
            return open_secret(item.secret).reveal()


def _spoken(item: Item, lang: str, catalogue: Catalogue) -> str:
    match item:
        case Prompt():
            return catalogue.prompt(item.id, lang) if catalogue.has_prompt(item.id, lang) else f"[{item.id}]"
        case SaySecret():
            return "***"
        case SayText():
            return ""
        case _:
            return _text(item, lang, catalogue, _never)


def _never(handle: SecretHandle) -> Secret:
    raise AssertionError("a transcript opens no secret")


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isascii() and char.isdigit())
