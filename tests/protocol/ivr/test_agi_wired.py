"""Both sides of the codec talk to each other, in any cut of the bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ivr.agi import AgiClientConnection, AgiServerConnection, CommandReceived, HeaderReceived, HungUp, Reply

WORDS = st.text(alphabet=st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
REPLIES = st.one_of(
    st.builds(
        Reply,
        st.just(200),
        st.sampled_from(["0", "-1", "50", "1", "", "1234"]),
        st.one_of(st.none(), WORDS.filter(lambda word: word.isprintable())),
        st.one_of(st.none(), st.integers(-1, 10**9)),
    ),
    st.just(Reply(511, text="Command Not Permitted on a dead channel or intercept routine")),
    st.just(Reply(520, text="Usage: ANSWER\n\tAnswers it.")),
)


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(st.lists(st.tuples(st.lists(WORDS, max_size=4), REPLIES, st.booleans()), max_size=6), st.integers(1, 40))
def test_a_whole_call_crosses_in_any_pieces(turns: list[tuple[list[str], Reply, bool]], size: int) -> None:
    server, client = AgiServerConnection(), AgiClientConnection()
    header = {"agi_network": "yes", "agi_uniqueid": "1.1", "agi_arg_1": "王: x"}
    events = [event for piece in _cut(client.send_header(header), size) for event in server.receive_data(piece)]
    assert events == [HeaderReceived(header)]
    told = False
    for arguments, reply, hangs_up in turns:
        command = server.send_command("EXEC", arguments)
        received = [event for piece in _cut(command, size) for event in client.receive_data(piece)]
        assert [event.words for event in received if isinstance(event, CommandReceived)] == [("EXEC", *arguments)]
        answer = (client.send_hangup() if hangs_up else b"") + client.send_reply(reply)
        expected: list[object] = [reply]
        if hangs_up and not told:
            told = True
            expected.insert(0, HungUp())
        assert [event for piece in _cut(answer, size) for event in server.receive_data(piece)] == expected
