"""Our own ESMEs for the SMS benchmark: the wire alone, and the whole product with its bank.

The product is a node as ``tellerline serve`` builds it: the flow ``retail``, ten thousand customers with lines and
balances in the ledger on SQLite, Valkey with an fsync before each answer, a canonical log line a text, metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import structlog
from pydantic import SecretStr

from benchmarks import bare_smpp
from benchmarks.product import WITHOUT_HASH
from benchmarks.sampling import Sampler
from core_client.adapters.demo_world import crowd
from core_client.adapters.seeding import seed
from core_client.domain.secret import Secret
from sms.binds.esme import Esme, Respond, Submitted
from sms.operators import BindSettings
from sms.smpp import Address, Limits, Message
from tellerline.bootstrap import Seams, running
from tellerline.config import Agi, Bank, Config, Health, Server, Sms, Store
from tellerline.garbage import collect_seldom
from tellerline.telemetry import configure_logging

CUSTOMERS = 10_000
WINDOW = 100  # of requests that we have under way ourselves


def sources() -> list[str]:
    """Answer the numbers that text, as the network brings them."""
    return [(who.line or "").lstrip("+") for who in crowd(CUSTOMERS)]


def answers() -> dict[bytes, bytes]:
    """Answer what each customer must be told."""
    told: dict[bytes, bytes] = {}
    for who in crowd(CUSTOMERS):
        account = who.accounts[0]
        amount = f"{account.booked.amount_minor // 100:,}.{account.booked.amount_minor % 100:02d}"
        words = f"Account ending {account.number[-4:]} available: {amount} CNY"
        told[(who.line or "").lstrip("+").encode()] = words.encode()
    return told


def config_of(folder: Path, port: int | None, node: str = "main", store: str | None = None) -> Config:
    """Answer the settings of a node whose state lies in ``folder``."""
    return Config(
        server=Server(state_dir=folder, log_level="info"),
        store=Store(url=SecretStr(store) if store else None),
        agi=Agi(port=0),
        bank=Bank(demo=False, database_url=SecretStr(f"sqlite:///{folder / 'bank.db'}")),
        health=Health(port=None),
        sms=Sms()
        if port is None
        else Sms(host="127.0.0.1", port=port, window=WINDOW, node=node, system_id="tellerline"),
    )


async def prepare(folder: Path) -> None:
    """Make the state of a node with ten thousand customers."""
    quiet()
    async with running(config_of(folder, None), Seams(pin_cost=WITHOUT_HASH)) as node:
        await seed(node.bank, crowd(CUSTOMERS))


def quiet() -> None:
    """Log nothing but what is wrong."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


async def serve_session(port: int) -> None:
    """Answer from the wire alone, storing nothing."""
    quiet()

    def heard(submitted: Submitted) -> None:
        assert submitted.status == 0

    def answer(message: Message, _link: str, respond: Respond) -> None:
        respond(0)
        esme.submit_now(Message(message.destination, Address(message.source.digits, 1, 1), bare_smpp.ANSWER), heard)

    settings = BindSettings("bench", "127.0.0.1", port, "tellerline", Secret("demo"), limits=Limits(window=WINDOW))
    esme = Esme(settings, "main", answer)
    async with esme.running():
        await asyncio.Event().wait()


async def serve_gateway(port: int, state: Path, node: str = "main", profile: Path | None = None) -> None:
    """Be a node on a copy of ``state``; a second one shares the store and the ledger of the first, ``main``."""
    folder = state.with_name(f"{state.name}-running")
    store: str | None = None
    if node == "main":
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(state, folder)
    else:
        await written(folder / "valkey" / "valkey.sock")
        store = f"unix://{folder / 'valkey' / 'valkey.sock'}"
    with (folder / f"{node}.log").open("w", encoding="utf-8") as log:
        configure_logging("json", "info", log)
        async with running(config_of(folder, port, node, store), Seams(pin_cost=WITHOUT_HASH)) as running_node:
            collect_seldom()
            with _profiling(profile):
                await running_node.stopped()


@contextlib.contextmanager
def _profiling(to: Path | None) -> Iterator[None]:
    """Sample from SIGUSR1 to SIGUSR2, and write the stacks then."""
    if to is None:
        yield
        return
    loop, sampler = asyncio.get_running_loop(), Sampler()

    def end() -> None:
        sampler.__exit__()
        part = to.with_suffix(".part")
        part.write_text(sampler.folded() + "\n", encoding="utf-8")
        part.replace(to)

    loop.add_signal_handler(signal.SIGUSR1, sampler.__enter__)
    loop.add_signal_handler(signal.SIGUSR2, end)
    yield


async def written(path: Path) -> None:
    """Wait until another process has written ``path``."""
    while not path.exists():  # noqa: ASYNC110, ASYNC240 - another process writes it, and tells nobody
        await asyncio.sleep(0.05)


def cpu_s(pid: int) -> float:
    """Answer the CPU seconds of all threads of a process."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def children(pid: int) -> list[int]:
    """Answer the processes that a process started: its store."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += [int(word) for word in (task / "children").read_text().split()]
    return found
