"""What every text goes through, line by line: where it is, who has it, what was said of it.

Key layout, all under one hash tag, so that a Cluster runs each script on one node::

    {prefix}:{sms}:life:{id}                 list: how the text began, then a line for every change
    {prefix}:{sms}:of:{fingerprint}          list: ids of the texts of a number, the newest first
    {prefix}:{sms}:slot:{operator}:{form}    string: whose id of the operator this is, receipts that came before it
    {prefix}:{sms}:parked                    sorted set: receipts that wait for their text, by when they give up

Nothing is in clear: a number is a fingerprint under the sealing key, and masked for people; a text is never here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from core_client.adapters.sealing import Sealer
from sms.messages import Outgoing
from sms.numbers import masked

KEEP_S = 7 * 86_400.0  # longer than any validity period, and than a customer takes to complain
MAX_OF_NUMBER = 200  # ids kept of one number: a trace of today, and a bound against a number that is flooded

# Part of scripts that store a text: it begins the text's life in the same step. Called with what ``FirstLine`` holds:
# begin_life(KEYS[k], KEYS[k + 1], ARGV[a], ARGV[a + 1], ARGV[a + 2]). Doing it again changes nothing that counts.
BEGIN_LIFE = f"""
local function begin_life(life, of, id, line, keep)
  if redis.call('RPUSH', life, line) == 1 then
    redis.call('EXPIRE', life, keep)
    if redis.call('LPUSH', of, id) > {MAX_OF_NUMBER} then redis.call('LTRIM', of, 0, {MAX_OF_NUMBER - 1}) end
    redis.call('EXPIRE', of, keep)
  end
end
"""


class FirstLine(NamedTuple):
    """What :data:`BEGIN_LIFE` is called with: two keys, three arguments."""

    keys: tuple[str, str]
    arguments: tuple[str, str, int]


class Names:
    """Where lives are kept, and how they begin. No store is asked."""

    def __init__(self, sealer: Sealer, prefix: str = "tellerline", keep_s: float = KEEP_S) -> None:
        self.keep_s = int(keep_s)
        self.base = f"{prefix}:{{sms}}:"
        self.life = f"{self.base}life:"
        self._of = f"{self.base}of:"
        self._fingerprint = lru_cache(maxsize=8192)(lambda number: sealer.fingerprint(number.encode(), b"number").hex())

    def of(self, number: str) -> str:
        """Answer the key of the ids of a number's texts."""
        return self._of + self._fingerprint(number)

    def first_line(self, outgoing: Outgoing) -> FirstLine:
        """Answer how a text of ours begins its life: queued."""
        line = (
            f"o\t{outgoing.purpose}\t{_shown(outgoing.destination)}\t{_shown_source(outgoing.source)}"
            f"\t{outgoing.origin}\t{outgoing.at:.3f}\t{outgoing.expires_at:.0f}"
        )
        keys = (self.life + outgoing.id, self.of(outgoing.destination))
        return FirstLine(keys, (outgoing.id, line, self.keep_s))

    def received(
        self,
        id_: str,
        number: str,
        destination: str,
        at: float,
        *,
        parts: int = 1,
        bind: str = "",
        kind: str = "",
        handled_at: float = 0.0,
        answers: tuple[str, ...] = (),
    ) -> FirstLine:
        """Answer how a text of a customer begins its life, and with ``kind`` how it was dealt with."""
        line = f"i\t{_shown(number)}\t{_shown_source(destination)}\t{parts}\t{bind}\t{at:.3f}"
        if kind:
            line += f"\nh\t{kind}\t{','.join(answers)}\t{handled_at:.3f}"
        return FirstLine((self.life + id_, self.of(number)), (id_, line, self.keep_s))


@lru_cache(maxsize=8192)
def _shown(number: str) -> str:
    return masked(number)


@lru_cache(maxsize=1024)
def _shown_source(source: str) -> str:
    """A short code and a name are shown; a whole number of a network is not."""
    return masked(source) if len(source) > 9 and source.lstrip("+").isdigit() else source.replace("\t", " ")
