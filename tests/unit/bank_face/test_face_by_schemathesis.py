"""Schemathesis asks the face whatever the GSMA specification allows, and much that it does not."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tellerline.bank_face.left_out import left_out
from tellerline.bank_face.specification import operations
from tests.contract.core_over_http import CLIENT
from tests.tools.condense_gsma import WHOLE
from tests.unit.bank_face.implemented import IMPLEMENTED
from tests.unit.bank_face.served import Served, served_face

LONG = bool(os.environ.get("TELLERLINE_PROOF"))
EXAMPLES = 300 if LONG else 6  # of each operation and mode
LEFT_OUT = left_out(IMPLEMENTED)
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
ACCOUNT = [{"key": "accountid", "value": "1"}]
PAYEE = [{"key": "bankaccountno", "value": "440100003303"}]
# What opens doors: random accounts do not exist, and behind "no such account" nothing would ever be asked.
KNOWN: dict[str, Any] = {
    "identifierType": "accountid",
    "identifier": "1",
    "accountId": "accountid@1",
    "transactionType": "transfer",
    "debitParty": ACCOUNT,
    "creditParty": PAYEE,
    "redemptionAccountIdentifiers": PAYEE,
    "currency": "CNY",
    "requestCurrency": "CNY",
    "amount": "0.05",
    "requestAmount": "0.05",
    "type": "transfer",
}

schema: Any = schemathesis.openapi.from_path(WHOLE)
BY_NAME = {f"{found.ok().method.upper()} {found.ok().path}": found.ok() for found in schema.get_all_operations()}
THERE = sorted(name for name in BY_NAME if name not in LEFT_OUT)


@pytest.fixture(scope="module")
def face() -> Iterator[Served]:
    with served_face() as served:
        yield served


def examples(count: int) -> Any:
    """Examples are drawn anew each time; what fails is printed as a request that can be made again."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def open_doors(case: Any, which: set[str]) -> None:
    """Put what exists in the place of what was made up."""
    for part in (case.path_parameters, case.body):
        if isinstance(part, dict):
            part.update({name: KNOWN[name] for name in which if name in part})


def say(case: Any, answer: Any) -> str:
    body = json.dumps(case.body, default=str)[:2000]
    return f"{case.method} {case.formatted_path} {case.query} {dict(case.headers or {})} {body}\n{answer.text[:500]}"


@pytest.mark.proof
@pytest.mark.parametrize("name", THERE)
@pytest.mark.timeout(3600 if LONG else 120)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["lawful", "unlawful"])
def test_the_face_answers_only_what_the_specification_has(face: Served, name: str, mode: GenerationMode) -> None:
    operation = BY_NAME[name]
    if mode is GenerationMode.NEGATIVE and not unlawful(operation):
        pytest.skip("every request that HTTP can carry is lawful here")

    @given(case=operation.as_strategy(generation_mode=mode), which=st.sets(st.sampled_from(sorted(KNOWN))))
    @examples(EXAMPLES)
    def ask(case: Any, which: set[str]) -> None:
        if mode is GenerationMode.POSITIVE:
            open_doors(case, which | {"accountId"} if len(which) % 2 else set(KNOWN))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of requests, about what it is asked to send
            answer = case.call(base_url=face.url, headers=face.headers, timeout=10)
            case.validate_response(answer, checks=CHECKS)
        assert answer.status_code != 500, say(case, answer)

    ask()


def unlawful(operation: Any) -> bool:
    return bool(operation.body or operation.query or operation.headers or operation.path_parameters)


@pytest.mark.proof
@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_what_is_left_out_says_so_and_why(face: Served, name: str) -> None:
    @given(case=BY_NAME[name].as_strategy())
    @examples(20 if LONG else 1)
    def ask(case: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = case.call(base_url=face.url, headers=face.headers, timeout=10)
        assert answer.status_code == 501, say(case, answer)
        assert answer.json()["errordescription"] == LEFT_OUT[name]

    ask()


def test_a_method_that_a_path_does_not_have_is_refused(face: Served) -> None:
    operation = BY_NAME["GET /heartbeat"]
    case = operation.Case(method="DELETE")
    answer = case.call(base_url=face.url, headers=face.headers, timeout=10)
    assert answer.status_code == 405
    assert answer.headers["allow"] == ["GET"]
    case.validate_response(answer, checks=[unsupported_method])


def test_a_code_is_made_seen_redeemed_and_reversed_by_the_specification(face: Served) -> None:
    hold = {
        "amount": "1.25", "currency": "CNY", "amountType": "exact", "holdFundsIndicator": True,
        "redemptionAccountIdentifiers": PAYEE,
    }  # fmt: skip
    code = face.post("/accounts/accountid/1/authorisationcodes", hold)["authorisationCode"]
    paid = face.post(
        "/transactions/type/transfer",
        {"amount": "1.25", "currency": "CNY", "debitParty": ACCOUNT, "creditParty": PAYEE, "oneTimeCode": code},
    )
    back = face.post(f"/transactions/{paid['transactionReference']}/reversals", {"type": "reversal"})
    asked = {
        "GET /accounts/{identifierType}/{identifier}/authorisationcodes/{authorisationCode}": {
            "identifierType": "accountid", "identifier": "1", "authorisationCode": code,
        },
        "GET /transactions/{transactionReference}": {"transactionReference": paid["transactionReference"]},
        "GET /statemententries/{transactionReference}": {"transactionReference": back["transactionReference"]},
    }  # fmt: skip
    for name, path in asked.items():
        case = BY_NAME[name].Case(path_parameters=path)
        answer = case.call(base_url=face.url, headers=face.headers, timeout=10)
        assert answer.status_code == 200, say(case, answer)
        case.validate_response(answer, checks=CHECKS[:-1])


def test_every_operation_of_the_specification_is_there_or_left_out_with_a_reason() -> None:
    assert len(operations()) == len(BY_NAME) == 71
    assert len(IMPLEMENTED) + len(LEFT_OUT) == 71
    assert all(LEFT_OUT.values())
    assert CLIENT
