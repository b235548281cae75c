"""Accounts over gRPC: registering, signing in, reading, deleting."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from readback.identity.v1 import identity_service_pb2 as pb

from mesh.errors import metadata_of, violations_of
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from tests.integration.identity.harness import PASSWORD, Identity, SignedIn, refused, running_identity

pytestmark = pytest.mark.integration

WRONG_CREDENTIALS = (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS")
EMAIL_TAKEN = (grpc.StatusCode.ALREADY_EXISTS, "EMAIL_TAKEN")


async def _myself(identity: Identity, who: SignedIn) -> pb.Customer:
    return (await identity.stub.GetCustomer(pb.GetCustomerRequest(), metadata=who.headers)).customer


async def test_registering_signs_in(identity: Identity) -> None:
    asha = await identity.register()
    seen = await _myself(identity, asha)
    assert seen == asha.customer
    assert (seen.email, seen.display_name, seen.locale) == ("asha@example.com", "Asha", "en-IN")


async def test_addresses_ignore_case(identity: Identity) -> None:
    asha = await identity.register("Asha@Example.com")
    assert asha.customer.email == "Asha@Example.com"
    assert (await identity.login("aSHA@example.COM")).customer == asha.customer
    assert await refused(identity.register("asha@EXAMPLE.com")) == EMAIL_TAKEN


async def test_one_of_many_concurrent_registrations_of_an_address_succeeds(identity: Identity) -> None:
    outcomes = await asyncio.gather(*(identity.register() for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert {o.code() for o in outcomes if isinstance(o, grpc.aio.AioRpcError)} == {
        grpc.StatusCode.ALREADY_EXISTS
    }


async def test_a_common_password_is_refused_with_the_problem_and_the_field(identity: Identity) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await identity.register(password="Password123!")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert metadata_of(caught.value) == {"problem": "common"}
    assert [violation.field for violation in violations_of(caught.value)] == ["password"]


@pytest.mark.parametrize("text", ["a\0sha", "asha\n", "\x85", "\x1b[2J"])
async def test_control_characters_are_refused_wherever_they_would_be_stored_or_looked_up(
    identity: Identity, text: str
) -> None:
    invalid = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert await refused(identity.register(f"{text}@example.com")) == invalid
    assert await refused(identity.register(name=text)) == invalid
    assert await refused(identity.login(f"{text}@example.com")) == invalid


async def test_a_name_may_be_spelt_with_joiners_and_a_password_with_anything(identity: Identity) -> None:
    registered = await identity.register(name="श्री\u200dमती", password="a flock\0of quiet herons")
    assert (await identity.login(password="a flock\0of quiet herons")).customer == registered.customer


async def test_wrong_password_and_unknown_address_get_the_same_error(identity: Identity) -> None:
    await identity.register()
    said = []
    for email, password in (("asha@example.com", "not her password"), ("nobody@example.com", PASSWORD)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await identity.login(email, password)
        said.append((caught.value.code(), caught.value.details(), metadata_of(caught.value)))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "password",
    [
        "\U0001f6e9\U0001f6eb\U0001f6ec\U0001f680" * 16,
        "ü" * 200 + "äß" * 27,
        "e\u0301 is not \u00e9",
        "nul\0in\0the middle",
        "  spaces around  ",
    ],
    ids=["64 four-byte emoji", "254 two-byte letters", "combining", "NUL", "spaces"],
)
async def test_passwords_may_have_any_characters_and_all_of_them_count(
    identity: Identity, password: str
) -> None:
    await identity.register(password=password)
    await identity.login(password=password)
    for other in (password[:-1], password + " ", password.strip() + "x", password[:7] + "\0"):
        assert await refused(identity.login(password=other)) == WRONG_CREDENTIALS


async def test_raising_the_cost_rehashes_at_the_next_sign_in(tmp_path: Path) -> None:
    async with running_identity(tmp_path, identity_bcrypt_cost=4) as before:
        await before.register()
    async with running_identity(tmp_path, identity_bcrypt_cost=5) as after:
        await after.login()
        await after.login()
    assert b"v2$2b$05$" in _database(tmp_path)


async def test_the_database_holds_no_secret_in_clear_text(tmp_path: Path) -> None:
    async with running_identity(tmp_path) as identity:
        asha = await identity.register()
        grant = await identity.grant(asha, uuid7())
        tokens = await identity.refresh(asha.tokens.refresh_token)
    stored = _database(tmp_path)
    for secret in (
        PASSWORD,
        asha.tokens.refresh_token,
        tokens.refresh_token,
        tokens.access_token,
        grant.grant,
    ):
        assert secret.encode() not in stored
        assert secret.removeprefix("rbr_").removeprefix("rbg_").encode() not in stored


def _database(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.glob("identity.sqlite3*")))


async def test_deleting_needs_the_password_and_deletes_sessions_and_grants(identity: Identity) -> None:
    asha = await identity.register()
    other_session = await identity.login()
    grant = await identity.grant(asha, uuid7())
    wrong = pb.DeleteCustomerRequest(password="not her password", request_id=uuid7())
    wrong_password = (grpc.StatusCode.INVALID_ARGUMENT, "WRONG_PASSWORD")
    assert await refused(identity.stub.DeleteCustomer(wrong, metadata=asha.headers)) == wrong_password

    right = pb.DeleteCustomerRequest(password=PASSWORD, request_id=uuid7())
    await identity.stub.DeleteCustomer(right, metadata=asha.headers)
    await identity.stub.DeleteCustomer(
        right, metadata=asha.headers
    )  # a retry, as if the response had got lost

    gone = (grpc.StatusCode.NOT_FOUND, "CUSTOMER_NOT_FOUND")
    assert await refused(_myself(identity, asha)) == gone
    assert await refused(identity.login()) == WRONG_CREDENTIALS
    ended = (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
    assert await refused(identity.refresh(other_session.tokens.refresh_token)) == ended
    assert await refused(identity.exchange(grant.grant)) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "GRANT_ENDED",
    )
    assert await refused(identity.grant(asha, uuid7())) == ended
    assert (await identity.register()).customer.customer_id != asha.customer.customer_id


async def test_stored_requests_do_not_depend_on_the_password(identity: Identity) -> None:
    asha = await identity.register()
    request_id = uuid7()
    for password in (PASSWORD, "nobody is left to compare this with"):
        request = pb.DeleteCustomerRequest(password=password, request_id=request_id)
        await identity.stub.DeleteCustomer(request, metadata=asha.headers)


async def test_an_agent_can_read_its_customer_but_not_delete_them(identity: Identity) -> None:
    asha = await identity.register()
    agent = bearer(await identity.exchange((await identity.grant(asha, uuid7())).grant))
    seen = await identity.stub.GetCustomer(pb.GetCustomerRequest(), metadata=agent)
    assert seen.customer == asha.customer
    request = pb.DeleteCustomerRequest(password=PASSWORD, request_id=uuid7())
    code, _ = await refused(identity.stub.DeleteCustomer(request, metadata=agent))
    assert code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", ""),
        ("email", "not an address"),
        ("email", f"{'a' * 250}@example.com"),
        ("password", "short"),
        ("password", "x" * 257),
        ("display_name", ""),
        ("display_name", "x" * 101),
        ("locale", "en_IN"),
        ("locale", "en-" + "-".join(["aaaaaaaa"] * 40)),
    ],
)
async def test_a_malformed_registration_names_the_field(identity: Identity, field: str, value: str) -> None:
    good = {"email": "asha@example.com", "password": PASSWORD, "display_name": "Asha", "locale": "hi-IN"}
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await identity.stub.Register(pb.RegisterRequest(**(good | {field: value})))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert {violation.field for violation in violations_of(caught.value)} == {field}
    assert value not in (caught.value.details() or "") or value == ""
