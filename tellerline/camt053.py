"""Statements as files: camt.053.001.08 (ISO 20022, Bank to Customer Statement) and CSV.

One message a day, one ``Stmt`` an account, written as it is read: a million entries need no more memory than one
account's. Elements stand in the order of the schema. A balance or an amount is never negative there: ``CdtDbtInd`` says
which way. What a customer's own systems must be able to follow is in ``NtryRef`` (our entry), ``AcctSvcrRef`` (the
reference that the customer was told) and ``EndToEndId`` (the intent).
"""

from __future__ import annotations

import csv
import datetime
import re
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from core_client.adapters.sql.days import Booked, DayStatement
from core_client.domain.money import Money

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_MAX_ID, _MAX_TEXT = 35, 140
# What XML 1.0 has no way to write (§2.2): such a character in a text becomes a question mark.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# ISO 20022 external codes (BankTransactionCode): issued and received credit transfers, reversals, the rest.
_CODES = {
    ("transfer", False): ("PMNT", "ICDT", "BOOK"),
    ("transfer", True): ("PMNT", "RCDT", "BOOK"),
    ("reversal", False): ("PMNT", "RCDT", "RRTN"),
    ("reversal", True): ("PMNT", "ICDT", "RRTN"),
}
_OTHER = ("ACMT", "MCOP", "OTHR")
CSV_HEAD = (
    "account", "currency", "entry", "booked_at", "amount", "text", "reference", "kind", "opening", "closing",
)  # fmt: skip


class Camt053:
    """Writes one message into ``out``: statement by statement, then :meth:`close`."""

    def __init__(self, out: TextIO, day: datetime.date, zone: datetime.timezone, made_at: datetime.datetime) -> None:
        self._out = out
        self._day = day
        self._zone = zone
        self._made = made_at.astimezone(zone).isoformat(timespec="seconds")
        self.statements = 0
        out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>\n')
        out.write(f"<GrpHdr><MsgId>TLR-{day:%Y%m%d}</MsgId><CreDtTm>{self._made}</CreDtTm></GrpHdr>\n")

    def add(self, statement: DayStatement) -> None:
        """Write one account's statement."""
        day, out = self._day, self._out
        currency = statement.opening.currency
        identity = f"{day:%Y%m%d}-{statement.account_number}"[:_MAX_ID]
        first = datetime.datetime.combine(day, datetime.time(), self._zone)
        last = first + datetime.timedelta(days=1, microseconds=-1)
        out.write(f"<Stmt><Id>{escape(identity)}</Id><ElctrncSeqNb>{day:%Y%j}</ElctrncSeqNb>")
        out.write(f"<CreDtTm>{self._made}</CreDtTm>")
        out.write(f"<FrToDt><FrDtTm>{first.isoformat()}</FrDtTm><ToDtTm>{last.isoformat()}</ToDtTm></FrToDt>\n")
        out.write(f"<Acct><Id><Othr><Id>{escape(statement.account_number[:34])}</Id></Othr></Id>")
        out.write(f"<Ccy>{currency}</Ccy><Nm>{_text(statement.product, 70)}</Nm></Acct>\n")
        out.write(self._balance("OPBD", statement.opening) + self._balance("CLBD", statement.closing))
        out.write(_summary(statement))
        for entry in statement.entries:
            out.write(self._entry(entry))
        out.write("</Stmt>\n")
        self.statements += 1

    def close(self) -> None:
        """Write the end."""
        self._out.write("</BkToCstmrStmt></Document>\n")

    def _balance(self, kind: str, amount: Money) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(amount)}"
            f"<Dt><Dt>{self._day.isoformat()}</Dt></Dt></Bal>\n"
        )

    def _entry(self, entry: Booked) -> str:
        credit = entry.amount.amount_minor >= 0
        domain, family, sub_family = _CODES.get((entry.kind, credit), _OTHER)
        at = entry.at.astimezone(self._zone)
        reversal = "<RvslInd>true</RvslInd>" if entry.kind == "reversal" else ""
        end_to_end = escape((entry.intent_id or "NOTPROVIDED")[:_MAX_ID])
        return (
            f"<Ntry><NtryRef>{entry.id}</NtryRef>{_amount(entry.amount)}{reversal}<Sts><Cd>BOOK</Cd></Sts>"
            f"<BookgDt><DtTm>{at.isoformat(timespec='seconds')}</DtTm></BookgDt>"
            f"<ValDt><Dt>{at.date().isoformat()}</Dt></ValDt><AcctSvcrRef>{escape(entry.reference)}</AcctSvcrRef>"
            f"<BkTxCd><Domn><Cd>{domain}</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub_family}</SubFmlyCd></Fmly></Domn>"
            f"</BkTxCd>"
            f"<NtryDtls><TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>{_amount(entry.amount)}"
            f"<RmtInf><Ustrd>{_text(entry.text, _MAX_TEXT)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
        )


class CsvStatements:
    """Writes the same as a table: one row an entry; an account on which nothing was booked has one row without."""

    def __init__(self, out: TextIO, zone: datetime.timezone) -> None:
        self._writer = csv.writer(out, lineterminator="\n")
        self._zone = zone
        self._writer.writerow(CSV_HEAD)

    def add(self, statement: DayStatement) -> None:
        """Write one account's rows."""
        account = (statement.account_number, statement.opening.currency)
        ends = (statement.opening.plain(), statement.closing.plain())
        for entry in statement.entries:
            at = entry.at.astimezone(self._zone).isoformat(timespec="seconds")
            row = (entry.id, at, entry.amount.plain(), _no_formula(entry.text), entry.reference, entry.kind)
            self._writer.writerow((*account, *row, *ends))
        if not statement.entries:
            self._writer.writerow((*account, *([""] * 6), *ends))


def _no_formula(text: str) -> str:
    """Keep a spreadsheet from computing what a payer wrote (OWASP: CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _amount(amount: Money) -> str:
    side = "DBIT" if amount.amount_minor < 0 else "CRDT"
    plain = Money(abs(amount.amount_minor), amount.currency).plain()
    return f"<Amt Ccy={quoteattr(amount.currency)}>{plain}</Amt><CdtDbtInd>{side}</CdtDbtInd>"


def _summary(statement: DayStatement) -> str:
    parts = ["<TxsSummry>"]
    for name, amounts in (
        ("TtlCdtNtries", [one.amount.amount_minor for one in statement.entries if one.amount.amount_minor >= 0]),
        ("TtlDbtNtries", [-one.amount.amount_minor for one in statement.entries if one.amount.amount_minor < 0]),
    ):
        total = Money(sum(amounts), statement.opening.currency).plain()
        parts.append(f"<{name}><NbOfNtries>{len(amounts)}</NbOfNtries><Sum>{total}</Sum></{name}>")
    return "".join([*parts, "</TxsSummry>\n"])


def _text(text: str, most: int) -> str:
    return escape(_NOT_XML.sub("?", text)[:most]) or "-"
