"""The operationIds that the face implements, written down a second time: one that gets lost is noticed."""

from __future__ import annotations

_ACCOUNTS = ("GET", "StatusGET", "AccountnameGET", "BalanceGET", "TransactionsGET", "StatemententriesGET")
IMPLEMENTED = frozenset(
    {
        "transactionsPOST",
        "transactionstypetransactionTypePUT",
        "transactionsTransactionReferenceGET",
        "transactionsTransactionReferenceReversalsPOST",
        *(f"accounts{form}{end}" for form in ("AccountId", "IdentifierTypeIdentifier") for end in _ACCOUNTS),
        "statemententriesTransactionReferenceGET",
        "accountsAccountIdAuthorisationcodesPOST",
        "accountsIdentifierTypeIdentifierAuthorisationCodesPOST",
        "accountsAccountIdAuthorisationCodeAuthorisationCodeGET",
        "accountsIdentifierTypeIdentifierAuthorisationCodesAuthorisationCodeGET",
        "accountsAccountIdAuthorisationCodesAuthorisationCodePATCH",
        "accountsIdentifierTypeIdentifierAuthorisationCodesAuthorisationCodePATCH",
        "quotationsPOST",
        "quotationsQuotationReferenceGET",
        "heartbeatGET",
        "requeststatesServerCorrelationIdGET",
        "responsesClientCorrelationIdGET",
    }
)
