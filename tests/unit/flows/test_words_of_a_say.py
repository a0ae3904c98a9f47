from __future__ import annotations

import datetime

import pytest

from core_client.domain.money import Money
from core_client.domain.secret import Secret
from core_client.domain.values import SecretHandle
from flows.dialogue import Item, Prompt, Say, SayDate, SayDigits, SayMoney, SayName, SayNumber, SaySecret, SayText
from flows.vault import Vault
from flows.words import files_for, text_for, transcript_for
from sounds.catalogue import Catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def never(handle: SecretHandle) -> Secret:
    raise AssertionError("nothing secret here")


CONFIRM: tuple[Item, ...] = (
    Prompt("you_send"),
    SayMoney(Money(50000, "CNY")),
    Prompt("to_payee"),
    SayName("Li Lei"),
    Prompt("payee_account_ending"),
    SayDigits("8899"),
)


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "You are sending 500.00 CNY to Li Lei, account ending 8899"),
        ("zh", "您将转账500.00元给Li Lei，收款账户尾号8899"),
    ],
)
def test_a_read_back_is_one_sentence_in_each_language(catalogue: Catalogue, lang: str, text: str) -> None:
    assert text_for(Say(CONFIRM, lang), catalogue, never) == text


def test_a_code_is_opened_once_as_the_text_is_written(catalogue: Catalogue) -> None:
    vault = Vault()
    say = Say((*CONFIRM, Prompt("sms_confirm_with_code"), SaySecret(vault.keep(Secret("482913")))), "en")
    assert "482913" not in transcript_for(say, catalogue)
    assert text_for(say, catalogue, vault.open).endswith("give it to nobody: 482913")
    assert len(vault) == 0


def test_each_entry_of_a_list_is_a_line_of_a_text(catalogue: Catalogue) -> None:
    entry: tuple[Item, ...] = (SayText("\n"), SayDate(datetime.date(2026, 3, 1)), Prompt("paid_out"))
    say = Say((*entry, SayMoney(Money(500, "CNY")), SayText("Coffee"), *entry, SayMoney(Money(5, "CNY"))), "zh")
    assert text_for(say, catalogue, never) == "2026年3月1日支出5.00元 Coffee\n2026年3月1日支出0.05元"


def test_a_call_plays_prompts_and_fragments_of_its_language(catalogue: Catalogue) -> None:
    items = (Prompt("welcome"), SayMoney(Money(1234567, "CNY")), SayNumber(23), SayDigits("12"))
    files = files_for(Say(items, "zh"), catalogue)
    assert files[0] == "zh/welcome"
    assert len(files) > 4
    assert all(file.startswith("zh/") for file in files)


def test_what_nobody_recorded_is_left_out_of_a_call(catalogue: Catalogue) -> None:
    missing = (Prompt("no_such_prompt"), SayName("Nobody Knows"), SayText("x"), SayMoney(Money(1, "XXX")))
    say = Say((*missing, Prompt("goodbye")), "en")
    assert files_for(say, catalogue) == ["en/goodbye"]


def test_a_code_is_never_spoken_aloud(catalogue: Catalogue) -> None:
    assert files_for(Say((SaySecret(SecretHandle("h")),), "en"), catalogue) == []


def test_a_masked_account_number_speaks_its_digits_only(catalogue: Catalogue) -> None:
    assert files_for(Say((SayDigits("**12"),), "en"), catalogue) == files_for(Say((SayDigits("12"),), "en"), catalogue)
