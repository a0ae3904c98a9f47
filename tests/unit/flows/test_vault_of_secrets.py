from __future__ import annotations

import pytest

from core_client.domain.secret import Secret
from core_client.domain.values import SecretHandle
from flows import vault as module
from flows.errors import SecretLost
from flows.vault import KEEP_S, Vault


class Monotonic:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_secret_opens_once() -> None:
    vault = Vault(Monotonic())
    handle = vault.keep(Secret("739154"))
    assert vault.open(handle).reveal() == "739154"
    with pytest.raises(SecretLost):
        vault.open(handle)


def test_a_handle_of_another_node_opens_nothing() -> None:
    with pytest.raises(SecretLost):
        Vault(Monotonic()).open(Vault(Monotonic()).keep(Secret("1")))
    with pytest.raises(SecretLost):
        Vault(Monotonic()).open(SecretHandle(""))


def test_a_secret_that_nobody_came_for_goes() -> None:
    clock = Monotonic()
    vault = Vault(clock)
    handle = vault.keep(Secret("1"))
    clock.now = KEEP_S + 1
    with pytest.raises(SecretLost):
        vault.open(handle)
    vault.keep(Secret("2"))
    clock.now *= 3
    vault.keep(Secret("3"))
    assert len(vault) == 1


def test_secrets_do_not_gather_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SECRETS", 3)
    vault = Vault(Monotonic())
    handles = [vault.keep(Secret(str(n))) for n in range(5)]
    assert len(vault) == 3
    assert vault.open(handles[4]).reveal() == "4"


def test_a_vault_and_its_handles_show_no_secret() -> None:
    vault = Vault(Monotonic())
    handle = vault.keep(Secret("739154"))
    assert "739154" not in f"{vault!r} {handle!r} {vars(module)}"


def test_handles_cannot_be_guessed_from_one_another() -> None:
    vault = Vault(Monotonic())
    handles = {vault.keep(Secret("x")).handle for _ in range(100)}
    assert len(handles) == 100
    assert min(len(handle) for handle in handles) >= 16
