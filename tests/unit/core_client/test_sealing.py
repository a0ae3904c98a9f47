from __future__ import annotations

import hmac
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core_client.adapters import sealing
from core_client.adapters.sealing import FINGERPRINT_BYTES, KEY_BYTES, Sealer, SealError, load_or_create_key

KEY = bytes(range(KEY_BYTES))


def test_what_was_sealed_opens_to_the_same_bytes_under_the_same_context() -> None:
    sealer = Sealer(KEY)
    for plain in (b"", b"739154", b"x" * 70_000):
        assert Sealer(KEY).open(sealer.seal(plain, b"in/1"), b"in/1") == plain


def test_a_seal_shows_nothing_of_its_content_and_differs_each_time() -> None:
    sealer = Sealer(KEY)
    seals = {sealer.seal(b"739154", b"c") for _ in range(200)}
    assert len(seals) == 200
    assert not any(b"739154" in sealed for sealed in seals)


def test_every_changed_bit_and_every_cut_is_noticed() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal(b"SEND 500 LILEI", b"c")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealError):
            sealer.open(bytes(changed), b"c")
        with pytest.raises(SealError):
            sealer.open(sealed[:position], b"c")


def test_a_body_moved_to_another_message_does_not_open() -> None:
    sealer = Sealer(KEY)
    with pytest.raises(SealError):
        sealer.open(sealer.seal(b"BAL", b"message 1"), b"message 2")


def test_another_key_does_not_open() -> None:
    with pytest.raises(SealError):
        Sealer(bytes(KEY_BYTES)).open(Sealer(KEY).seal(b"BAL", b"c"), b"c")


def test_fingerprints_tell_equal_from_different_and_depend_on_the_key() -> None:
    sealer = Sealer(KEY)
    assert sealer.fingerprint(b"BAL") == Sealer(KEY).fingerprint(b"BAL")
    assert sealer.fingerprint(b"BAL") != sealer.fingerprint(b"BAM")
    assert sealer.fingerprint(b"BAL", b"a") != sealer.fingerprint(b"BAL", b"b")
    assert sealer.fingerprint(b"BAL") != Sealer(bytes(KEY_BYTES)).fingerprint(b"BAL")


def test_a_fingerprint_is_an_hmac() -> None:
    key = hmac.digest(KEY, b"tellerline fingerprint 1\x00", "sha256")
    assert Sealer(KEY).fingerprint(b"BAL", b"copy") == hmac.digest(key, b"copy\x00BAL", "sha256")[:FINGERPRINT_BYTES]


def test_derived_keys_follow_one_another_and_what_they_sealed_opens_long_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_SEALS_A_KEY", 3)
    sealer = Sealer(KEY)
    seals = [sealer.seal(b"%d" % number, b"c") for number in range(600)]
    assert len({sealed[1:13] for sealed in seals}) == 200, "a derived key for every three"
    assert len({sealed[13:25] for sealed in seals}) == 600, "and a nonce for each"
    assert [sealer.open(sealed, b"c") for sealed in seals] == [b"%d" % number for number in range(600)]
    assert len(sealer._ciphers) == sealing._CIPHERS


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(SealError, match="32 bytes"):
        Sealer(b"short")


def test_a_sealer_never_prints_its_key() -> None:
    assert repr(Sealer(KEY)) == "Sealer(***)"
    with pytest.raises(TypeError):
        pickle.dumps(Sealer(KEY), protocol=1)


def test_a_missing_key_is_made_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "state" / "seal.key"
    key = load_or_create_key(path)
    assert len(key) == KEY_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_key(path) == key
    assert [file.name for file in path.parent.iterdir()] == ["seal.key"]


def test_many_starters_at_once_get_one_key(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: load_or_create_key(path), range(64)))
    assert len(keys) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["seal.key"]


def test_a_key_that_others_can_read_is_refused_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    load_or_create_key(path)
    path.chmod(0o640)
    with pytest.raises(SealError, match="chmod 600"):
        load_or_create_key(path)


def test_a_torn_key_is_refused_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    path.touch(mode=0o600)
    path.write_bytes(b"torn")
    with pytest.raises(SealError, match="holds 4 bytes"):
        load_or_create_key(path)
    assert path.read_bytes() == b"torn"
