"""The domain's rules by themselves: PINs, the counter, limits, payees' names, sessions' proofs, audit records."""

from __future__ import annotations

import base64
import dataclasses
import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_client.adapters.auth_sessions import decode, encode
from core_client.adapters.pin_hashing import Argon2Pins
from core_client.domain.accounts import Line, assert_balanced
from core_client.domain.audit import AuditRecord
from core_client.domain.customers import Payee, find_payee
from core_client.domain.limits import LimitProfile, Moved, Movement, Spent
from core_client.domain.money import Money
from core_client.domain.pins import AttemptPolicy, Counter, PinWeakness, SlotKind, weakness_of
from core_client.domain.secret import Secret
from core_client.errors import Declined, InvariantBroken
from core_client.operations import Security
from core_client.ports.auth_sessions import AuthSession
from core_client.services.keyed import KeyedHashes
from core_client.testing.clock import DEFAULT_START, ManualClock

NOW = DEFAULT_START
IDLE = datetime.timedelta(minutes=5)


@pytest.mark.parametrize(
    ("pin", "weakness"),
    [
        ("123456", PinWeakness.RUN), ("987654", PinWeakness.RUN), ("135791", PinWeakness.RUN),
        ("111111", PinWeakness.REPEAT), ("121212", PinWeakness.REPEAT), ("123123", PinWeakness.REPEAT),
        ("112233", PinWeakness.RUN), ("700007", PinWeakness.REPEAT), ("123321", PinWeakness.SHAPE),
        ("147258", PinWeakness.SHAPE), ("852741", PinWeakness.SHAPE), ("159357", PinWeakness.SHAPE),
        ("880615", PinWeakness.DATE), ("150688", PinWeakness.DATE), ("061588", PinWeakness.DATE),
        ("200108", PinWeakness.DATE),
        ("12345", PinWeakness.FORM), ("1234567", PinWeakness.FORM), ("12345a", PinWeakness.FORM),
        ("１２３４５６", PinWeakness.FORM),
        ("739154", None), ("482607", None),
    ],
)  # fmt: skip
def test_a_weak_pin_is_refused(pin: str, weakness: PinWeakness | None) -> None:
    found = weakness_of(Secret(pin))
    assert (found is None) == (weakness is None)
    if weakness is PinWeakness.FORM:
        assert found is PinWeakness.FORM


@pytest.mark.parametrize(
    ("pin", "number"),
    [
        ("739154", "+8613973915400"), ("451937", "+8613973915400"), ("790248", "19480279"), ("482607", "4826"),
        ("974826", "4826"), ("948027", "19480279"),
    ],
)  # fmt: skip
def test_a_pin_from_own_numbers_is_refused(pin: str, number: str) -> None:
    assert weakness_of(Secret(pin), [number]) is PinWeakness.PERSONAL


async def test_a_pin_is_hashed_as_owasp_says_with_a_salt_of_32_bytes() -> None:
    pins = Argon2Pins(b"p" * 32)
    first, second = [await pins.hashed("subject", Secret("739154")) for _ in range(2)]
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert len(base64.b64decode(first.split("$")[4] + "=")) == 32
    assert first != second
    assert await pins.fits("subject", Secret("739154"), first)
    assert not await pins.fits("subject", Secret("739155"), first)
    assert not await pins.fits("subject", Secret("739154"), None)
    assert not await pins.fits("subject", Secret("739154"), "no hash at all")
    other = Argon2Pins(b"q" * 32)
    assert not await other.fits("subject", Secret("739154"), first)
    for each in (pins, other):
        each.close()


async def test_who_does_not_exist_is_hashed_for_at_the_same_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    real = Argon2Pins._verify

    def noting(self: Argon2Pins, pin_hash: str, peppered: bytes) -> bool:
        checked.append(pin_hash)
        return real(self, pin_hash, peppered)

    monkeypatch.setattr(Argon2Pins, "_verify", noting)
    pins = Argon2Pins(b"p" * 32)
    stored = await pins.hashed("subject", Secret("739154"))
    for pin_hash in (stored, None):
        await pins.fits("subject", Secret("000000"), pin_hash)
    assert checked[0] == stored
    assert [len(part) for part in checked[1].split("$")] == [len(part) for part in stored.split("$")]
    assert checked[1].split("$")[:4] == stored.split("$")[:4]
    pins.close()


def test_about_a_tenth_of_all_pins_is_refused() -> None:
    refused = sum(weakness_of(Secret(f"{number:06d}")) is not None for number in range(0, 10**6, 7))
    assert 0.05 < refused / (10**6 / 7) < 0.15


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["take", "code", "wrong", "right", "back"]), st.integers(0, 4000)), max_size=60)
)
def test_between_two_right_pins_at_most_five_tries_ever_fail(steps: list[tuple[str, int]]) -> None:
    policy, counter, now, flying, failed = AttemptPolicy(), Counter(), NOW, 0, 0
    for step, seconds in steps:
        now += datetime.timedelta(seconds=seconds % 50)  # nobody's slot grows stale
        if step in ("take", "code"):
            kind, counter = counter.take(now, policy, delayed=step == "take")
            flying += kind is SlotKind.TAKEN
        elif flying:
            flying -= 1
            settled = {"right": counter.forgotten(), "back": counter.given_back()}
            counter = settled.get(step, counter.failed(now, policy))
            failed = 0 if step == "right" else failed + (step == "wrong")
        if counter.in_flight:
            counter = dataclasses.replace(counter, tried_at=now)
        assert failed <= policy.limit
        assert (counter.failures, counter.in_flight) == (failed, flying)


def test_a_locked_counter_gives_no_slot_however_late() -> None:
    policy, counter = AttemptPolicy(), Counter(failures=5)
    assert counter.take(NOW + datetime.timedelta(days=999), policy, delayed=True)[0] is SlotKind.LOCKED


@pytest.mark.parametrize(
    ("amount", "spent", "by_sms", "reason"),
    [
        ("5000.00 CNY", Spent(), True, None),
        ("5000.01 CNY", Spent(), True, "over_sms_limit"),
        ("0.01 CNY", Spent((Moved(500_000, "sms"),)), True, "over_sms_limit"),
        ("0.01 CNY", Spent((Moved(500_000, "sms"),)), False, None),
        ("50000.00 CNY", Spent(), False, None),
        ("50000.01 CNY", Spent(), False, "over_transaction_limit"),
        ("50000.00 CNY", Spent((Moved(5_000_000, "voice"),)), False, None),
        ("50000.00 CNY", Spent((Moved(5_000_000, "voice"), Moved(1, "sms"))), False, "over_daily_limit"),
        ("0.00 CNY", Spent(), False, "amount_invalid"),
        ("1 JPY", Spent(), False, "not_permitted"),
    ],
)
def test_limits_hold_to_the_minor_unit(amount: str, spent: Spent, by_sms: bool, reason: str | None) -> None:
    limits = LimitProfile()
    movement = Movement(Money.parse(amount), "sms" if by_sms else "voice")
    if reason is None:
        limits.check(movement, spent, NOW)
        return
    with pytest.raises(Declined) as declined:
        limits.check(movement, spent, NOW)
    assert declined.value.reason == reason


def test_the_bank_s_day_begins_at_its_own_midnight() -> None:
    limits = LimitProfile()
    late = datetime.datetime(2026, 3, 1, 16, 30, tzinfo=datetime.UTC)
    assert limits.local_date(late) == datetime.date(2026, 3, 2)
    assert limits.day_began(late) == datetime.datetime(2026, 3, 1, 16, 0, tzinfo=datetime.UTC)


def payee(short: str, alias: str, name: str, account: str) -> Payee:
    return Payee(int(short), 1, short, alias, name, account, NOW)


def test_a_short_number_goes_before_a_name_and_two_of_a_name_are_ambiguous() -> None:
    known = [payee("1", "2", "Two 二", "990000000001"), payee("2", "B", "Same 同", "990000000002"),
             payee("3", "C", "Same 同", "990000000003")]  # fmt: skip
    assert find_payee(known, "2").short_number == "2"
    assert find_payee(known, "２").short_number == "2"
    for name in ("same", "同", "Same同"):
        with pytest.raises(Declined, match="payee_ambiguous"):
            find_payee(known, name)
    for name in ("", "  ", "nobody", "0003"):
        with pytest.raises(Declined, match="payee_unknown"):
            find_payee(known, name)


def test_a_journal_that_does_not_sum_to_zero_in_each_currency_is_no_journal() -> None:
    assert_balanced([Line(1, Money(5, "CNY"), ""), Line(2, Money(-5, "CNY"), "")])
    for lines in (
        [],
        [Line(1, Money(5, "CNY"), ""), Line(2, Money(-4, "CNY"), "")],
        [Line(1, Money(5, "CNY"), ""), Line(2, Money(-5, "USD"), "")],
    ):
        with pytest.raises(InvariantBroken):
            assert_balanced(lines)


def session(**changes: object) -> AuthSession:
    plain = AuthSession("s", "voice", "p", identified=True, customer_id=1, subject="c", language="zh")
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type] # fields by name


def test_each_proof_gives_its_level_and_fades_by_itself() -> None:
    proved = session(pin_at=NOW)
    assert proved.level(NOW, IDLE) is Security.AUTHENTICATED
    assert proved.level(NOW + IDLE, IDLE) is Security.IDENTIFIED
    assert session(identified=False).level(NOW, IDLE) is Security.CLAIMED
    assert session(identified=False, subject=None).level(NOW, IDLE) is Security.OPEN
    coded = session(code_intent="i", code_at=NOW)
    assert coded.level(NOW, IDLE) is Security.IDENTIFIED
    assert coded.may_authorise("i", NOW, IDLE)
    assert not coded.may_authorise("j", NOW, IDLE)
    assert not coded.may_authorise("i", NOW + IDLE, IDLE)


def test_a_session_is_the_same_after_a_store() -> None:
    for one in (session(), session(pin_at=NOW, code_intent="i", code_at=NOW), session(party=None, customer_id=None)):
        assert decode(encode(one)) == one
    with pytest.raises(ValueError, match="another version"):
        decode("[1,2]")


def test_an_audit_record_with_a_secret_in_it_cannot_be_made() -> None:
    with pytest.raises(InvariantBroken):
        AuditRecord(NOW, "a", "pin.changed", "customer:1", {"pin": "739154"})


def test_keyed_hashes_of_different_kinds_say_nothing_of_each_other() -> None:
    keyed = KeyedHashes(b"k" * 32)
    assert keyed.subject("1") != keyed.party("1")
    assert keyed.code(Secret("123456"), b"a") != keyed.code(Secret("123456"), b"b")
    assert KeyedHashes(b"l" * 32).subject("1") != keyed.subject("1")
    assert "k" * 4 not in repr(keyed)
    with pytest.raises(ValueError, match="16 bytes"):
        KeyedHashes(b"short")


def test_a_clock_without_a_zone_is_none() -> None:
    with pytest.raises(ValueError, match="zone"):
        ManualClock(datetime.datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
