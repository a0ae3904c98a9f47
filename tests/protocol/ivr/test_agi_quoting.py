"""No argument can become two, or a second command."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr.agi import MAX_LINE_BYTES, encode_command, quote, split_command
from ivr.errors import LocalProtocolError

CARRIED = st.text(alphabet=st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=60)


@given(st.lists(CARRIED, max_size=20))
@example(["", " ", "\t", '"', "\\", '\\"', '" x "', "${EVIL}", "a b", "王小明", "\u2028"])
def test_words_arrive_as_they_were_given(words: list[str]) -> None:
    line = encode_command("EXEC", words).decode()
    assert line.count("\n") == 1
    assert split_command(line[:-1]) == ("EXEC", *words)


@pytest.mark.parametrize("evil", ["x\nHANGUP", "x\r", "\0", '"\n"'])
def test_an_end_of_line_is_refused_never_stripped(evil: str) -> None:
    with pytest.raises(LocalProtocolError, match="CR, LF or NUL"):
        encode_command("SET VARIABLE", ["NAME", evil])


@pytest.mark.parametrize(
    "verb", ["", "stream file", "NOOP\nHANGUP", " NOOP", "NOOP ", "SET  VARIABLE", "EXÉC", "NOOP\n"]
)
def test_a_verb_is_made_of_words(verb: str) -> None:
    with pytest.raises(LocalProtocolError, match="verb"):
        encode_command(verb)


def test_a_line_is_as_long_as_asterisk_reads_and_no_longer() -> None:
    room = MAX_LINE_BYTES - len("VERBOSE \n") - 1
    assert len(encode_command("VERBOSE", ["x" * room])) == MAX_LINE_BYTES - 1
    with pytest.raises(LocalProtocolError, match="8191"):
        encode_command("VERBOSE", ["x" * (room + 1)])
    with pytest.raises(LocalProtocolError, match="8191"):
        encode_command("VERBOSE", ["王" * 3000])


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="surrogate"):
        encode_command("VERBOSE", ["\ud800"])


def test_no_word_is_cut_off_silently() -> None:
    assert len(split_command(encode_command("EXEC", ["x"] * 126).decode())) == 127
    with pytest.raises(LocalProtocolError, match="127"):
        encode_command("EXEC", ["x"] * 127)


def test_plain_words_stay_readable_in_a_trace() -> None:
    assert quote("zh/n/23") == "zh/n/23"
    assert quote("") == '""'
    assert quote('say "hi" \\o/') == '"say \\"hi\\" \\\\o/"'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('SET VARIABLE X "a b"', ("SET", "VARIABLE", "X", "a b")),
        ('a"b c"d', ("ab cd",)),
        ("a\\ b", ("a b",)),
        ('"open quote', ("open quote",)),
        ('""', ("",)),
        ('a ""', ("a", "")),
        ("trailing\\", ("trailing",)),
        ("  \t ", ()),
    ],
)
def test_words_are_split_as_asterisk_splits_them(line: str, words: tuple[str, ...]) -> None:
    assert split_command(line) == words
