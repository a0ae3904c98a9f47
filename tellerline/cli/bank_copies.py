"""``tellerline bank backup`` and ``restore``."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.markup import escape

from core_client.adapters.backup_file import BackupError
from core_client.adapters.backups import check_backup, fingerprint, make_backup, restore
from core_client.adapters.embedded import EmbeddedBank
from core_client.adapters.sealing import load_or_create_key
from core_client.adapters.sql.copying import Contents
from core_client.domain.audit import AuditRecord
from core_client.services.call import no_checkpoints
from tellerline.bank_keeping import anchoring_of
from tellerline.bootstrap import bank_url
from tellerline.cli.opened_bank import operator, with_bank
from tellerline.cli.telling import NO, ConfigOption, config_of, out, tell_error
from tellerline.config import Config
from tellerline.state import open_state

_BACKUP_KEY = "backup"  # not told of in a backup: it is the key to it

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="The backup's key; else keys/backup in the state folder.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command("restore")(put_back)


def backup(file: FileArgument, key: KeyOption = None, config: ConfigOption = None) -> None:
    """Write the whole bank into a new encrypted file, beside a running server or without one.

    One moment of every table; nobody waits for it. The file is read again before it gets its name. The keys of the
    state folder are not in it: keep a copy of them elsewhere, else nobody can open the backup, or check a PIN.

    Example: `tellerline bank backup /backups/bank-2026-11-24.tlb`
    """
    settings = config_of(config)
    with_bank(config, _is_there)
    try:
        made = make_backup(
            bank_url(settings), file, _key(settings, key), _now(), _fingerprints(settings), no_checkpoints
        )
    except BackupError as error:
        tell_error(error)
        raise typer.Exit(NO) from None
    out.print(f"{escape(str(file))}  {file.stat().st_size:,} bytes, read again")
    _tell(made)


def put_back(
    file: FileArgument,
    check: Annotated[bool, typer.Option("--check", help="Only try it, in a bank that is thrown away.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Also where a bank with customers is.")] = False,
    other_keys: Annotated[
        bool, typer.Option("--other-keys", help="Also where the keys beside it are not those of the backup.")
    ] = False,
    key: KeyOption = None,
    config: ConfigOption = None,
) -> None:
    """Put a backup in the place of the bank, on the database that the settings name: SQLite or PostgreSQL.

    It is filled and checked in full (checksum, books, audit chain) before it replaces anything, and refused while
    anybody works on the bank. A SQLite file that is replaced is kept beside.

    Example: `tellerline bank restore /backups/bank-2026-11-24.tlb --check`
    """
    settings = config_of(config)
    open_state(settings.server.state_dir)
    try:
        with TemporaryDirectory(prefix="restore-", dir=settings.server.state_dir) as scratch:
            tried = check_backup(file, _key(settings, key), Path(scratch))
        if not check:
            if not other_keys:
                _assert_keys(settings, tried)
            restore(
                bank_url(settings), file, _key(settings, key), replace=replace, at=_now(), checkpoint=no_checkpoints
            )
    except BackupError as error:
        tell_error(error)
        raise typer.Exit(NO) from None
    _tell(tried)
    if check:
        out.print("[green]it can be put back[/]; nothing was changed")
        return
    try:
        with_bank(config, lambda bank: _write_down(settings, bank, tried))
    except Exception:
        words = "the backup is in the place of the bank, but its audit chain and anchors do not tell of it yet"
        tell_error(f"{words}: mend what follows, then put it back once more with --replace")
        raise
    out.print("[green]restored[/]; start the server, then look at `tellerline bank reconcile`")


async def _is_there(bank: EmbeddedBank) -> None:
    await bank.ports.audit.head()


async def _write_down(settings: Config, bank: EmbeddedBank, contents: Contents) -> None:
    """Tell the audit chain, and the anchors: what lay beyond the backup is gone, on purpose."""
    detail: dict[str, str | int | bool] = {
        "made_at": contents.made_at.isoformat(),
        "rows": contents.total,
        "back_to": contents.audit_seq,
    }
    await bank.ports.audit.append(AuditRecord(_now(), f"cli:{operator()}", "bank.restored", "bank", detail))
    keys = open_state(settings.server.state_dir)
    await anchoring_of(settings, keys, bank, None).restored(contents.audit_seq)


def _key(settings: Config, file: Path | None) -> bytes:
    if file is None:
        return open_state(settings.server.state_dir).backup
    if not file.exists():
        raise BackupError(f"there is no key at {file}")
    return load_or_create_key(file)


def _fingerprints(settings: Config) -> Mapping[str, str]:
    folder = settings.server.state_dir / "keys"
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    return {file.name: fingerprint(file.read_bytes()) for file in files if file.name != _BACKUP_KEY}


def _assert_keys(settings: Config, contents: Contents) -> None:
    here = _fingerprints(settings)
    wrong = [name for name, known in sorted(contents.keys.items()) if here.get(name) != known]
    if wrong:
        words = f"the keys here are not those of the backup ({', '.join(wrong)}): PINs or names could not be read. "
        raise BackupError(f"{words}Put the right ones into {settings.server.state_dir / 'keys'}, or --other-keys")


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _tell(contents: Contents) -> None:
    counted = ", ".join(f"{contents.rows.get(name, 0):,} {name}" for name in ("customers", "accounts", "entries"))
    out.print(f"made at {contents.made_at:%Y-%m-%d %H:%M:%S} UTC on {contents.database}, migration {contents.revision}")
    out.print(f"{contents.total:,} rows in {len(contents.rows)} tables: {counted}")
    out.print(f"audit chain: {contents.audit_seq:,} rows")
