from __future__ import annotations

import contextlib
import random

import pytest

from sms.store.resp import Answers, NotResp, Refused, command, written

STREAM = (
    b"+OK\r\n:42\r\n$-1\r\n$5\r\na\r\nbc\r\n*-1\r\n*0\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$0\r\n\r\n_\r\n#t\r\n#f\r\n,1.5\r\n"
    b"(123456789012345678901\r\n~2\r\n:1\r\n:2\r\n%1\r\n+k\r\n+v\r\n>2\r\n+message\r\n+pushed\r\n=7\r\ntxt:abc\r\n+END\r\n"
)
VALUES = [b"OK", 42, None, b"a\r\nbc", None, [], [1, [b"x", b""], None], True, False, b"1.5", b"123456789012345678901",
          [1, 2], [b"k", b"v"], b"abc", b"END"]  # fmt: skip


def test_answers_are_read_whole() -> None:
    assert Answers().feed(STREAM) == VALUES


def test_answers_are_read_octet_by_octet() -> None:
    answers = Answers()
    assert [value for octet in STREAM for value in answers.feed(bytes((octet,)))] == VALUES


def test_answers_are_read_in_pieces_of_every_size() -> None:
    for seed in range(200):
        dice, answers, found, at = random.Random(seed), Answers(), [], 0
        while at < len(STREAM):
            size = dice.randint(1, 40)
            found += answers.feed(STREAM[at : at + size])
            at += size
        assert found == VALUES, seed


def test_an_error_is_a_value_whose_words_are_never_shown() -> None:
    (one, two) = Answers().feed(b"-WRONGTYPE key tellerline:secret holds 739154\r\n!11\r\nNOSCRIPT no\r\n")
    assert isinstance(one, Refused)
    assert isinstance(two, Refused)
    assert (one.code, two.code) == ("WRONGTYPE", "NOSCRIPT")
    assert "739154" not in f"{one!r} {one} {one.args}"


@pytest.mark.parametrize("octets", [b"HTTP/1.1 400\r\n", b":x\r\n", b"$5x\r\nabcde\r\n", b"\r\n\r\n", b"*x\r\n"])
def test_what_is_no_answer_is_told(octets: bytes) -> None:
    with pytest.raises(NotResp):
        Answers().feed(octets)


def test_random_octets_give_answers_or_are_told() -> None:
    for seed in range(3_000):
        dice, answers = random.Random(seed), Answers()
        changed = bytearray(STREAM)
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        with contextlib.suppress(NotResp):
            answers.feed(bytes(changed))


def test_a_large_answer_in_many_pieces_is_not_read_anew_for_each() -> None:
    answers, body = Answers(), b"x" * 1_000_000
    data = b"$%d\r\n%b\r\n" % (len(body), body)
    found = [value for at in range(0, len(data), 1_000) for value in answers.feed(data[at : at + 1_000])]
    assert found == [body]


def test_a_command_counts_octets_not_characters() -> None:
    assert command("SET", "schlüssel", b"\xff\r\n", 12) == (
        b"*4\r\n$3\r\nSET\r\n$10\r\nschl\xc3\xbcssel\r\n$3\r\n\xff\r\n\r\n$2\r\n12\r\n"
    )
    assert written(()) == b""
