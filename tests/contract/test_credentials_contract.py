"""The counter's contract: a slot before every hash, five over everything, on one node or two."""

from __future__ import annotations

import asyncio
import contextlib
import datetime

import pytest

from core_client.domain.audit import AuditRecord
from core_client.domain.pins import AttemptPolicy
from core_client.domain.profile import BankProfile
from core_client.domain.secret import Secret
from core_client.services.call import OperationCall
from core_client.testing.world import World
from tests.contract.conftest import OpenWorld

LINE = "+8613900000002"  # John Smith, PIN 482607
GUESSES = 50
NO_DELAYS = BankProfile(attempts=AttemptPolicy(delays_s=(0, 0, 0, 0)))


class CountingPins:
    """Counts what reaches the hash, and keeps it there until the test lets go."""

    def __init__(self, world: World) -> None:
        self._real = world.bank.ports.pins
        self.hashed_times = 0
        self.gate = asyncio.Event()
        self.gate.set()
        object.__setattr__(world.bank.ports, "pins", self)

    def admit(self) -> None:
        self._real.admit()

    async def hashed(self, subject: str, pin: Secret) -> str:
        return await self._real.hashed(subject, pin)

    async def fits(self, subject: str, pin: Secret, pin_hash: str | None) -> bool:
        self.hashed_times += 1
        await self.gate.wait()
        return await self._real.fits(subject, pin, pin_hash)


async def guess(world: World, pin: str, line: str = LINE) -> str:
    arrival = await world.core.arrive("voice", line)
    call = OperationCall("auth.verify_pin", {"pin": Secret(pin)}, arrival.auth_session_id, "r", "voice")
    return (await world.core.perform(call)).outcome


@pytest.mark.parametrize("profile", [BankProfile(), NO_DELAYS], ids=["with delays", "without delays"])
async def test_of_fifty_parallel_guesses_at_most_five_reach_the_hash(
    open_world: OpenWorld, profile: BankProfile
) -> None:
    async with open_world(profile=profile) as world:
        pins = CountingPins(world)
        outcomes = await asyncio.gather(*(guess(world, f"{n:06d}") for n in range(GUESSES)))
        assert 1 <= pins.hashed_times <= 5
        assert set(outcomes) <= {"refused", "wait", "locked"}
        assert outcomes.count("refused") <= 4


async def test_of_fifty_guesses_on_two_nodes_at_most_five_reach_a_hash(open_world: OpenWorld) -> None:
    async with open_world(profile=NO_DELAYS) as one, open_world(profile=NO_DELAYS) as other:
        pins = [CountingPins(one), CountingPins(other)]
        for each in pins:
            each.gate.clear()  # nobody is settled before all have asked for a slot
        guesses = [asyncio.ensure_future(guess((one, other)[n % 2], f"{n:06d}")) for n in range(GUESSES)]
        while sum(guess.done() for guess in guesses) < GUESSES - 5:
            await asyncio.wait(guesses, timeout=0.01, return_when=asyncio.FIRST_COMPLETED)
        assert sum(each.hashed_times for each in pins) == 5
        for each in pins:
            each.gate.set()
        outcomes = await asyncio.gather(*guesses)
        assert sorted(set(outcomes)) == ["locked", "refused", "wait"]
        assert (await guess(one, "482607"), await guess(other, "482607")) == ("locked", "locked")
        assert sum(each.hashed_times for each in pins) == 5


async def test_the_right_pin_on_two_calls_at_once_is_right_on_both(bank: World) -> None:
    pins = CountingPins(bank)
    pins.gate.clear()
    both = [asyncio.ensure_future(guess(bank, "482607")) for _ in range(2)]
    while pins.hashed_times < 2:
        await asyncio.wait(both, timeout=0.01)
    pins.gate.set()
    assert await asyncio.gather(*both) == ["ok", "ok"]


async def test_growing_delays_come_before_the_lock_and_a_wait_is_not_counted(bank: World) -> None:
    heard = []
    for wait_s in (0, 0, 29.9, 0.2, 299.9, 0.2, 3599, 2, 0):
        bank.clock.advance(wait_s)
        heard.append(await guess(bank, "000000"))
    assert heard == ["refused", "refused", "wait", "refused", "wait", "refused", "wait", "locked", "locked"]
    bank.clock.advance(10**7)
    assert await guess(bank, "482607") == "locked"


async def test_the_right_pin_forgets_the_failures_before_it(bank: World) -> None:
    for _ in range(3):
        assert await guess(bank, "000000") == "refused"
        assert await guess(bank, "482607") == "ok"


async def test_a_delay_counts_from_the_failure_by_the_clock_port(bank: World) -> None:
    await guess(bank, "000000")
    await guess(bank, "000000")
    bank.clock.advance(29)
    assert await guess(bank, "482607") == "wait"
    bank.clock.advance(1)
    assert await guess(bank, "482607") == "ok"


async def test_a_slot_whose_holder_died_counts_as_a_failure_after_a_minute(bank: World) -> None:
    subject = bank.bank.ports.keyed.subject("10000002")
    for _ in range(5):
        await bank.bank.ports.credentials.take_slot(subject, 2, bank.clock.now(), delayed=True)
    assert await guess(bank, "482607") == "wait"
    bank.clock.advance(61)
    assert await guess(bank, "482607") == "locked"


async def test_an_operator_unlocks_and_the_pin_is_what_it_was(bank: World) -> None:
    for _ in range(5):
        await guess(bank, "000000")
        bank.clock.advance(4000)
    assert (await bank.bank.admin.show("10000002")).locked
    await bank.bank.admin.unlock(LINE, "anna")
    assert await guess(bank, "482607") == "ok"


async def test_who_does_not_exist_leaves_the_same_rows_and_hears_the_same_words(bank: World) -> None:
    """The words, the hashes, the statements: a strange line guesses at a real customer number and at an empty one."""
    pins = CountingPins(bank)

    async def five_guesses(number: str) -> list[tuple[str, int]]:
        heard = []
        for _ in range(6):
            arrival = await bank.core.arrive("voice", None)
            claimed = await bank.perform(arrival.auth_session_id, "identity.claim", customer=number)
            pins.hashed_times = 0
            result = await bank.perform(arrival.auth_session_id, "auth.verify_pin", pin="000000")
            heard.append((f"{claimed.outcome} {result.outcome}", pins.hashed_times))
            bank.clock.advance(4000)
        return heard

    known, unknown = await five_guesses("10000007"), await five_guesses("99999999")
    assert known == unknown
    assert known[-1] == ("ok locked", 0)


async def test_the_same_statements_run_for_who_exists_and_who_does_not(
    bank: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core_client.adapters.sql import statements

    ran: list[str] = []
    real = statements.Tx._cursor

    def noting(self: statements.Tx, statement: statements.Statement, values: dict[str, object]) -> object:
        ran.append(str(statement._clause))
        return real(self, statement, values)

    monkeypatch.setattr(statements.Tx, "_cursor", noting)

    async def claim_and_guess(number: str) -> list[str]:
        ran.clear()
        arrival = await bank.core.arrive("voice", None)
        await bank.perform(arrival.auth_session_id, "identity.claim", customer=number)
        await bank.perform(arrival.auth_session_id, "auth.verify_pin", pin="000000")
        return list(ran)

    await claim_and_guess("10000008")  # whoever is first has the process fetch the key of names, once
    assert await claim_and_guess("10000007") == await claim_and_guess("99999999")


async def test_a_hash_moved_to_another_customer_fits_no_pin(bank: World) -> None:
    ports = bank.bank.ports
    moved = await ports.pins.hashed(ports.keyed.subject("10000001"), Secret("482607"))
    assert not await ports.pins.fits(ports.keyed.subject("10000002"), Secret("482607"), moved)


async def test_too_many_at_the_hash_are_down_and_lose_no_slot(bank: World) -> None:
    from core_client.adapters import pin_hashing

    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(pin_hashing, "MAX_WAITING", 0)
        assert await guess(bank, "482607") == "down"
    assert (await bank.bank.admin.show("10000002")).failures == 0


async def test_only_counters_of_nobody_are_purged_the_oldest_first_and_a_few_at_a_time(bank: World) -> None:
    credentials, now = bank.bank.ports.credentials, bank.clock.now()
    day = datetime.timedelta(days=1)
    for n in range(6):
        await credentials.take_slot(f"nobody-{n}", None, now + n * day, delayed=False)
        await credentials.settle_wrong(f"nobody-{n}", now + n * day, AuditRecord(now, "test", "pin.refused", "x"))
    await credentials.take_slot("somebody", 2, now - 900 * day, delayed=False)
    await credentials.settle_wrong("somebody", now - 900 * day, AuditRecord(now, "test", "pin.refused", "x"))

    async def left() -> list[int]:
        return [n for n in range(6) if await credentials.failures(f"nobody-{n}")]

    assert await credentials.purge_shadows(now + 2 * day, 100, batch=1) == 1
    assert await left() == [1, 2, 3, 4, 5]
    assert await credentials.purge_shadows(now + 2 * day, 100, batch=100) == 1
    assert await credentials.purge_shadows(now, 2, batch=100) == 2  # too many: the oldest beyond two
    assert await left() == [4, 5]
    assert await credentials.purge_shadows(now, 2, batch=100) == 0
    assert await credentials.failures("somebody") == 1
