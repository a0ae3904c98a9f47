"""Fields and records that several operations share."""

from __future__ import annotations

from core_client.operations.declaring import Field, Type

TEXT, DIGITS, MONEY = Field(Type.TEXT), Field(Type.DIGITS), Field(Type.MONEY)
ENTRY = {
    "date": Field(Type.DATE),
    "amount": MONEY,  # negative: out of the account
    "text": TEXT,
}
ACCOUNT = {
    "account": Field(Type.ACCOUNT),
    "last4": DIGITS,
    "product": TEXT,
    "available": MONEY,
    "default": Field(Type.FLAG),
}
INTENT = {
    "id": Field(Type.INTENT),
    "amount": MONEY,
    "payee_name": TEXT,
    "payee_last4": DIGITS,
    "from_last4": DIGITS,
    "fee": Field(Type.MONEY, required=False),  # where there is one
    "unchecked": Field(Type.FLAG, required=False),  # true where nobody here knows whose account it is
}
