"""The core bank over HTTP in one process: our client, a real connection, our face, the ledger."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator

from core_client.adapters.gsma.asking import Asker, Bells, Patience
from core_client.adapters.gsma.bank import GsmaBank
from core_client.adapters.gsma.transport import Endpoint, open_transport
from core_client.domain.secret import Secret
from core_client.testing.world import World
from tellerline.bank_face.face import TOKEN_PATH, Face, FaceSettings
from tellerline.bank_face.serving import serving

CLIENT, SECRET = "phone", "a secret of tests, as long as real ones"
KEY = b"a key for tokens of tests, 32 by"
SETTINGS = FaceSettings(
    clients={CLIENT: hashlib.sha256(SECRET.encode()).hexdigest()},
    scopes={CLIENT: ("read", "transfer", "reverse")},
    per_client_s=100_000,
)


class BankOverHttp(GsmaBank):
    """The client; the books behind the face are added up where they lie."""

    def __init__(self, world: World, asker: Asker) -> None:
        async def number_of(customer_id: int) -> str | None:
            customer = await world.bank.ports.registry.customer(customer_id)
            return customer.number if customer else None

        super().__init__(asker, number_of, f"organisationid@{CLIENT}")
        self._world = world
        self.asker = asker

    async def check_books(self) -> None:
        await self._world.bank.ledger.check_books()


def endpoint(url: str, token_url: str | None = None) -> Endpoint:
    """The face at ``url``; tokens from it too, unless said otherwise."""
    return Endpoint(url, token_url or url + TOKEN_PATH, CLIENT, Secret(SECRET))


@contextlib.asynccontextmanager
async def face_of(world: World, settings: FaceSettings = SETTINGS) -> AsyncIterator[str]:
    """Serve a world's bank and answer the URL."""
    async with serving(Face(world.bank, KEY, settings), "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def client_of(
    world: World, where: Endpoint, patience: Patience | None = None, bells: Bells | None = None
) -> AsyncIterator[BankOverHttp]:
    """Open a client."""
    async with open_transport(where) as transport:
        yield BankOverHttp(world, Asker(transport, patience, bells=bells))
