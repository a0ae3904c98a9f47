"""What the face does not do, and why: these paths answer 501, and the manual lists them from here."""

from __future__ import annotations

from tellerline.bank_face.specification import Operation, operations

_REASONS: tuple[tuple[str, str], ...] = (
    ("/batchtransactions", "batches are made by an end-of-day process, not by a channel"),
    ("/accounts/{identityType}", "customers and accounts are opened by the registry, which has one writer"),
    ("identities", "customers' identities are kept by the registry, which has one writer"),
    ("debitmandates", "no product of the bank has mandates"),
    ("links", "accounts are not linked: a customer has them all"),
    ("/accounts/balance", "a client has no account of its own"),
    ("authorisationcodes", "codes are asked for one by one, by who made them"),
    ("bill", "billers and bills are the channel's own; a bill is paid by a transfer to the biller's account"),
    (
        "/requeststates/{serverCorrelationId}",
        "a request that is under way is not changed; a hold is let go by its code",
    ),
    ("/transactions/{transactionReference}", "a booked transaction never changes; a reversal is a new one"),
    ("/accounts/{accountId}", "accounts are changed by staff, not by a channel"),
    ("/accounts/{identifierType}/{identifier}", "accounts are changed by staff, not by a channel"),
)


def reason(operation: Operation) -> str:
    """Answer why an operation is left out.

    Raises:
        LookupError: nobody has written why.
    """
    for part, why in _REASONS:
        if part == operation.path or (not part.startswith("/accounts/{") and part in operation.path):
            return why
    raise LookupError(f"{operation.method} {operation.path} is neither implemented nor left out with a reason")


def left_out(implemented: frozenset[str]) -> dict[str, str]:
    """Answer the operations that are not implemented, as ``GET /path``, with the reason of each."""
    return {f"{one.method} {one.path}": reason(one) for one in operations() if one.id not in implemented}
