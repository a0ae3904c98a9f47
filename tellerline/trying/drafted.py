"""The version of a flow that is not live yet, from the register, to be played by hand before anybody calls it."""

from __future__ import annotations

import asyncio

from flows.model import Flow
from flows.releases.kept import kept_folder
from sounds.catalogue import Catalogue
from tellerline.bootstrap import open_releases
from tellerline.config import Config
from tellerline.errors import ParleyError


async def drafted(config: Config, catalogue: Catalogue) -> Flow:
    """Answer the draft or the pending version of the line's flow, the newer one.

    Raises:
        ParleyError: there is neither.
        ReleaseError: the register cannot be read.
        FlowError: this Tellerline cannot run it.
    """
    name = config.agi.flow
    async with open_releases(config) as releases:
        trial = (await releases.look([name]))[name].trial
        if trial is None:
            mend = "mend: tellerline flows publish, or leave out --draft to play the folder's"
            raise ParleyError(f"flow '{name}' has no draft, and nothing waits for an approval\n  {mend}")
        bundle = await releases.get(name, trial)
    return await asyncio.to_thread(bundle.load, catalogue, kept_folder(config.sounds.dir))
