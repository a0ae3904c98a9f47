from __future__ import annotations

from pathlib import Path

import pytest

from core_client.language.errors import LanguageError
from core_client.language.source import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    MAX_SCALAR,
    Items,
    Pairs,
    Place,
    Scalar,
    Source,
    decode_source,
    parse,
    plain,
    read_source,
)


def refused(text: str) -> LanguageError:
    with pytest.raises(LanguageError) as caught:
        parse(Source("f.yaml", text))
    return caught.value


def test_everything_is_text_until_a_schema_decides() -> None:
    assert plain(parse(Source("f", "a: no\nb: 22:30\nc: 010\nd: ~\ne: [1.0, true]"))) == {
        "a": "no",
        "b": "22:30",
        "c": "010",
        "d": "~",
        "e": ["1.0", "true"],
    }


def test_every_word_keeps_its_place() -> None:
    root = parse(Source("f", 'flow: retail\nsteps:\n  main: {say: ["x"]}\n'))
    assert isinstance(root, Pairs)
    assert root.keys["steps"] == Place(2, 1)
    steps = root.entries["steps"]
    assert isinstance(steps, Pairs)
    main = steps.entries["main"]
    assert isinstance(main, Pairs)
    say = main.entries["say"]
    assert isinstance(say, Items)
    assert say.items[0] == Scalar("x", Place(3, 16), 1)


@pytest.mark.parametrize("opening", ["[", "{", "- ", "[[", "{? "])
def test_60000_nested_brackets_are_an_error_and_no_crash(opening: str) -> None:
    error = refused(opening * 60_000)
    assert "nested deeper" in error.message or "key must be" in error.message


def test_a_nest_as_deep_as_allowed_is_read() -> None:
    parse(Source("f", "[" * MAX_DEPTH + "]" * MAX_DEPTH))
    assert "nested deeper" in refused("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)).message


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "'a' stands here twice. See line 1."),
        ("a: &x 1\nb: 2\n", 1, 4, "an anchor (&)"),
        ("a: 1\nb: *x\n", 2, 4, "an alias (*)"),
        ("a: !!python/object:os.system x\n", 1, 4, "a tag (!)"),
        ("a: !secret x\n", 1, 4, "a tag (!)"),
        ("? [a]\n: b\n", 1, 3, "a key must be a plain text"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document"),
        ("a: [1, 2\nb: 3\n", 2, 2, "expected ',' or ']'"),
        ("a: {b: 1\nc: [}\n", 2, 2, "expected"),
        ("a: b: c\n", 1, 5, "a ':' that cannot stand here"),
        ("a:\n  - 1\n b: 2\n", 3, 2, "the indentation does not fit"),
        ("a: @x\n", 1, 4, "Quote the text."),
        ("a: [1, 2\n", 1, 4, "this '[' is never closed"),
        ("a:\n  - {b: [1, 2]\n\n", 2, 5, "this '{' is never closed"),
        ('a: 1\nb: "x\n\nc: 1\n', 2, 4, "this quote is never closed"),
        ("a:\n\tb: 1\n", 2, 1, "a tab cannot indent here. Use spaces."),
        ("a: 1\n\tb: 2\n", 2, 1, "a tab cannot indent here"),
        ("a: [x\n\t, y]\n", 2, 1, "a tab cannot indent here"),
        ("a: [1,,2]\n", 1, 7, "this cannot stand here. Is a value missing before it?"),
        ("a:\n - b\n -c\n", 3, 2, "a ':' is missing behind this"),
        ("- a\nb: 1\n", 2, 1, "the indentation does not fit"),
        ('a: "\\q"\n', 1, 5, "no escape. Write \\\\ for a \\"),
        ("a: *\n", 1, 4, "cannot begin with * or &"),
        ("a: 1\n...\nb: 2\n", 3, 1, "a second document"),
        ("a: 1\r\nb: 2\r\na: 3\r\n", 3, 1, "stands here twice"),
        ("a: 1\rb: [\r", 2, 4, "never closed"),
        ("余额: 1\n明细: &x 1\n", 2, 5, "an anchor"),
        ("a: x\r\nb: y\x07\r\n", 2, 5, "no place in a YAML file"),
        ("a: \u200bx\nb: y\x1bz\n", 2, 5, "no place in a YAML file"),
        ("a: 1\nb: \ufeff2\n", 2, 4, "a byte order mark"),
        ("<<: {a: 1}\na: &b 2\n", 2, 4, "an anchor"),
        ("a: x\x07y\n", 1, 5, "no place in a YAML file"),
        ("", 1, 1, "the file is empty"),
        ("# only a comment\n", 1, 1, "the file is empty"),
    ],
)
def test_what_is_refused_is_named_at_its_place(text: str, line: int, column: int, words: str) -> None:
    error = refused(text)
    assert (error.file, error.line, error.column) == ("f.yaml", line, column), str(error)
    assert words in str(error)


def test_limits_of_size_text_and_count_hold() -> None:
    assert "KiB" in refused("a" * (MAX_BYTES + 1)).message
    assert "longer than" in refused("a: " + "x" * (MAX_SCALAR + 1)).message
    assert "values in one file" in refused("[" + ",".join(["x"] * (MAX_NODES + 1)) + "]").message


def test_a_file_of_two_megabytes_is_an_error_that_tells_its_size(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"# " + b"x" * (2 * 1024 * 1024))
    with pytest.raises(LanguageError) as caught:
        read_source(path)
    assert str(caught.value) == (
        f"{path}:1:1: this file has 2049 KiB; at most 256 KiB are read. Split it into several files."
    )
    assert "this file has 300 KiB" in refused("a" * 300 * 1024).message
    with pytest.raises(LanguageError, match="at most 256 KiB"):
        decode_source(b"a" * (MAX_BYTES + 1), "f")


def test_text_that_is_no_utf8_is_told_at_its_very_column() -> None:
    with pytest.raises(LanguageError) as caught:
        decode_source("a: 1\r\n余额: ".encode() + b"\xff\r\nb: 2", "f.yaml")
    assert (caught.value.line, caught.value.column) == (2, 5)
    assert caught.value.source_line == "余额: \ufffd"


def test_a_place_inside_a_text_is_exact_where_it_is_written_as_it_reads() -> None:
    source = Source("f", 'a: abc\nb: "abc"\nc: "a\\x62c"\nd: |\n  abc\n')
    root = parse(source)
    assert isinstance(root, Pairs)
    places = {key: source.inside(node, 1) for key, node in root.entries.items() if isinstance(node, Scalar)}
    assert places == {"a": Place(1, 5), "b": Place(2, 6), "c": Place(3, 4), "d": Place(4, 4)}


def test_places_of_another_file_show_that_file_and_its_line() -> None:
    main, other = Source("m.yaml", "a: 1\n"), Source("o.yaml", "b: 2\nc: 3\n", file="o.yaml")
    main.adopt(other)
    root = parse(other)
    assert isinstance(root, Pairs)
    for source in (main, other):
        error = source.error(root.keys["c"], "no")
        assert (error.file, error.line, error.source_line) == ("o.yaml", 2, "c: 3")
        assert source.error(Place(1, 1), "no").source_line == "a: 1"


def test_a_file_that_is_missing_or_no_utf8_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(LanguageError, match="cannot read it"):
        read_source(tmp_path / "none.yaml")
    with pytest.raises(LanguageError) as caught:
        decode_source(b"a: 1\nb: \xff\n", "f.yaml")
    assert (caught.value.line, caught.value.hint) == (2, "Save the file as UTF-8.")


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert plain(parse(decode_source(b"\xef\xbb\xbfa: 1", "f"))) == {"a": "1"}


def test_an_error_shows_its_line_with_a_caret_under_the_word() -> None:
    error = LanguageError(
        "retail.yaml", 24, 5, "unknown key 'no_mach' in menu 'main'", "Did you mean 'no_match'?", "    no_mach: [x]"
    )
    assert str(error) == (
        "retail.yaml:24:5: unknown key 'no_mach' in menu 'main'. Did you mean 'no_match'?\n"
        "        no_mach: [x]\n"
        "        ^"
    )


def test_the_caret_stands_right_behind_wide_characters_and_tabs() -> None:
    lines = str(LanguageError("f", 1, 4, "m", "", "余额\tx")).splitlines()
    assert lines[2] == "        \t^"


def test_a_very_long_line_is_shown_around_the_place_only() -> None:
    shown = str(LanguageError("f", 1, 500, "m", "", "a" * 499 + "X" + "b" * 499)).splitlines()
    assert len(shown[1]) < 200
    assert shown[1][shown[2].index("^")] == "X"
