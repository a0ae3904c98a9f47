"""The face of the bank that the settings name."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from core_client.adapters.seeding import seed
from tellerline.bank_face.face import Face, FaceSettings
from tellerline.bank_face.serving import Tls, serving
from tellerline.bootstrap import open_bank_only
from tellerline.config import Config
from tellerline.errors import ConfigError
from tellerline.state import open_state


@contextlib.asynccontextmanager
async def running_face(config: Config) -> AsyncIterator[tuple[int, Face]]:
    """Open the embedded bank and serve its face; answer the port and the face.

    Raises:
        ConfigError: a setting cannot be used on this machine, or nobody may ask.
    """
    if config.core.kind != "embedded":
        mend = "Serve the face where the accounts are."
        raise ConfigError("core.kind", "the accounts are in another bank already", mend)
    if not config.face.clients:
        raise ConfigError("face.clients", "nobody may ask", "Make a client: tellerline bank client phone")
    files = config.face.tls_files()
    settings = FaceSettings(
        clients=config.face.clients,
        callbacks=config.face.callbacks,
        answer_within_s=config.face.answer_within_s,
        max_at_once=config.face.max_at_once,
        scopes=config.face.scopes,
        per_client_s=config.face.per_client_s,
        body_within_s=config.face.body_within_s,
    )
    keys = open_state(config.server.state_dir)
    async with open_bank_only(config, make=True) as bank:
        if config.bank.demo:
            await seed(bank)
        face = Face(bank, keys.seal, settings)
        tls = Tls(*files, config.face.client_ca) if files is not None else None
        place = f"{config.face.host}:{config.face.port}"
        async with contextlib.AsyncExitStack() as stack:
            served = serving(face, config.face.host, config.face.port, tls=tls, drain_s=config.face.drain_s)
            try:
                port = await stack.enter_async_context(served)
            except OSError as error:
                mend = "Name PEM files that this user can read, and a free port."
                raise ConfigError("face", f"cannot serve on {place}: {error.strerror or error}", mend) from None
            yield port, face
