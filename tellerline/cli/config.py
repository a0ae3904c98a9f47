"""``tellerline config``: what can be set, and what is set."""

from __future__ import annotations

import typer
from rich.markup import escape
from rich.table import Table

from tellerline.cli.telling import ConfigOption, config_of, out
from tellerline.config import Config
from tellerline.config_reading import section_titles, settings

app = typer.Typer(help="Show the settings and what each means.", no_args_is_help=True)


@app.command()
def show(config: ConfigOption = None) -> None:
    """Print every setting as it is now: from the file, then the environment. Secrets are masked.

    Example: `tellerline config show -c /etc/tellerline/tellerline.toml`
    """
    current = config_of(config)
    section = ""
    for setting in settings(Config, current):
        if setting.section != section:
            section = setting.section
            out.print(f"{'' if section == 'server' else chr(10)}{escape(_header(section))}", style="bold")
        changed = "" if setting.value == setting.default else f"  [dim](default {escape(setting.default)})[/]"
        out.print(f"{setting.key} = {escape(setting.value)}{changed}")


@app.command()
def reference() -> None:
    """Print every setting with its default, its environment variable and its meaning.

    Example: `tellerline config reference | less`
    """
    titles = section_titles(Config)
    for section, title in titles.items():
        head = escape(f"{_header(section)}  {title}")
        table = Table(title=head, title_justify="left", title_style="bold", expand=True)
        table.add_column("setting", no_wrap=True)
        table.add_column("default")
        table.add_column("meaning", ratio=1)
        for setting in settings(Config):
            if setting.section == section:
                table.add_row(
                    setting.key, escape(setting.default), f"{escape(setting.meaning)} [dim]{setting.variable}[/]"
                )
        out.print(table)


def _header(section: str) -> str:
    """Answer a section's line in the file; that of one item of a list keeps its name."""
    plain = section.replace("[]", "")
    return f"[[{plain}]]" if section.endswith("[]") else f"[{plain}]"
