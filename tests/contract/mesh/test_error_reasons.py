"""Error reasons: the enum, its comments, the services' tables and the RPCs' comments agree."""

from __future__ import annotations

import json

import pytest

from mesh.errors import ERROR_DOMAIN, MESH_ERRORS
from services.booking import errors as booking
from services.conversation import errors as conversation
from services.flightdata import servicer as flightdata
from services.identity import errors as identity
from tools.error_reference import Reason, page, reasons, rpcs_by_error

pytestmark = pytest.mark.contract

TABLES = (MESH_ERRORS, identity.ERRORS, conversation.ERRORS, flightdata.ERRORS, booking.ERRORS)
RAISED = {reason: code.name for table in TABLES for code, reason in table.values()} | {"INTERNAL": "INTERNAL"}
REASONS = reasons()
every_reason = pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.name)


def test_services_raise_the_reasons_of_the_contract_with_the_codes_it_states() -> None:
    assert {reason.name: reason.code for reason in REASONS} == RAISED


@every_reason
def test_every_reason_has_a_worked_example(reason: Reason) -> None:
    example = json.loads(reason.example)
    assert example["reason"] == reason.name
    assert example["domain"] == ERROR_DOMAIN
    assert all(isinstance(value, str) for value in example["metadata"].values())


@every_reason
def test_every_reason_is_named_by_an_rpc_or_comes_from_any(reason: Reason) -> None:
    named = (reason.code, reason.name) in rpcs_by_error()
    assert named or reason.callers, f"no RPC's comment names {reason.code} `{reason.name}`"


def test_errors_named_by_rpcs_exist() -> None:
    assert set(rpcs_by_error()) <= {(reason.code, reason.name) for reason in REASONS}


def test_the_reference_shows_every_reason_once() -> None:
    headings = [line.removeprefix("### ") for line in page().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(reason.name for reason in REASONS)
