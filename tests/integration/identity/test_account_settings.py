"""Changes of the account: name and language, the password, and the list of sessions."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from readback.identity.v1 import identity_service_pb2 as pb
from readback.internal.identity.v1.identity_internal_service_pb2 import GetRevocationsRequest

from mesh.errors import violations_of
from mesh.ids import uuid7
from mesh.security.revocations import hash_of
from tests.integration.identity.harness import PASSWORD, Identity, SignedIn, refused

pytestmark = pytest.mark.integration

ENDED = (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
WRONG = (grpc.StatusCode.INVALID_ARGUMENT, "WRONG_PASSWORD")
STALE = (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
NO_SESSION = (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND")
GRANT_ENDED = (grpc.StatusCode.UNAUTHENTICATED, "GRANT_ENDED")
NEW_PASSWORD = "seven slow otters at dusk"


async def _update(identity: Identity, who: SignedIn, *paths: str, **fields: Any) -> pb.Customer:
    request = pb.UpdateCustomerRequest(customer=pb.Customer(**fields), update_mask=FieldMask(paths=paths))
    return (await identity.stub.UpdateCustomer(request, metadata=who.headers)).customer


async def _customer(identity: Identity, who: SignedIn) -> pb.Customer:
    return (await identity.stub.GetCustomer(pb.GetCustomerRequest(), metadata=who.headers)).customer


async def _change_password(
    identity: Identity, who: SignedIn, old: str = PASSWORD, new: str = NEW_PASSWORD, request_id: str = ""
) -> None:
    request = pb.ChangePasswordRequest(old_password=old, new_password=new, request_id=request_id)
    await identity.stub.ChangePassword(request, metadata=who.headers)


async def _sessions(identity: Identity, who: SignedIn, **page: Any) -> pb.ListSessionsResponse:
    return await identity.stub.ListSessions(pb.ListSessionsRequest(**page), metadata=who.headers)


async def _revoke(identity: Identity, who: SignedIn, session_id: str) -> None:
    await identity.stub.RevokeSession(pb.RevokeSessionRequest(session_id=session_id), metadata=who.headers)


async def test_only_the_named_fields_change(identity: Identity) -> None:
    asha = await identity.register()
    changed = await _update(identity, asha, "display_name", display_name="Asha Rao", locale="en-GB")
    assert (changed.display_name, changed.locale) == ("Asha Rao", "en-IN")
    assert await _customer(identity, asha) == changed
    without_mask = await _update(identity, asha, locale="en-GB")
    assert (without_mask.display_name, without_mask.locale) == ("Asha Rao", "en-GB")
    whole = await _update(identity, asha, "*", email="asha@example.com", display_name="A", locale="en-US")
    assert (whole.display_name, whole.locale) == ("A", "en-US")


async def test_a_client_can_send_back_what_it_read_with_one_change(identity: Identity) -> None:
    asha = await identity.register()
    read = await _customer(identity, asha)
    read.display_name = "Asha Rao"
    request = pb.UpdateCustomerRequest(customer=read)
    changed = (await identity.stub.UpdateCustomer(request, metadata=asha.headers)).customer
    assert changed.display_name == "Asha Rao"
    assert (changed.customer_id, changed.create_time) == (read.customer_id, read.create_time)


@pytest.mark.parametrize(
    ("paths", "fields", "violation"),
    [
        (["display_name"], {}, "customer.display_name"),
        (["display_name"], {"display_name": "  "}, "customer.display_name"),
        (["display_name"], {"display_name": "a\0b"}, "customer.display_name"),
        ([], {"display_name": "a" * 101}, "customer.display_name"),
        (["locale"], {}, "customer.locale"),
        ([], {"locale": "klingon!"}, "customer.locale"),
        (["email"], {"email": "other@example.com"}, "customer.email"),
        (["display_name"], {"display_name": "A", "customer_id": uuid7()}, "customer.customer_id"),
        (["password"], {}, "update_mask"),
    ],
)
async def test_a_value_that_is_not_valid_is_named(
    identity: Identity, paths: list[str], fields: dict[str, str], violation: str
) -> None:
    asha = await identity.register()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _update(identity, asha, *paths, **fields)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [field for field, _ in violations_of(caught.value)] == [violation]


async def test_an_outdated_etag_is_refused_unless_the_change_was_already_made(identity: Identity) -> None:
    asha = await identity.register()
    first = await _customer(identity, asha)
    for _ in range(2):  # the second is the same request again
        changed = await _update(identity, asha, display_name="Asha Rao", etag=first.etag)
    assert changed.etag != first.etag
    assert await refused(_update(identity, asha, display_name="Asha B", etag=first.etag)) == STALE
    assert (await _update(identity, asha, display_name="Asha B", etag=changed.etag)).display_name == "Asha B"


async def test_a_changed_password_replaces_the_old_one_and_ends_the_other_sessions(
    identity: Identity,
) -> None:
    asha = await identity.register()
    elsewhere, ravi = await identity.login(), await identity.register("ravi@example.com")
    grants = [await identity.grant(who, uuid7()) for who in (asha, elsewhere)]
    await _change_password(identity, asha)
    assert await refused(identity.login()) == (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS")
    await identity.login(password=NEW_PASSWORD)
    await identity.exchange(grants[0].grant)
    assert await refused(identity.exchange(grants[1].grant)) == GRANT_ENDED
    assert await refused(identity.refresh(elsewhere.tokens.refresh_token)) == ENDED
    for who in (asha, ravi):
        await identity.refresh(who.tokens.refresh_token)
    assert await refused(_change_password(identity, elsewhere, NEW_PASSWORD, PASSWORD)) == ENDED


async def test_a_repeated_change_of_the_password_succeeds_with_the_same_passwords(identity: Identity) -> None:
    asha, request_id = await identity.register(), uuid7()
    for _ in range(3):
        await _change_password(identity, asha, request_id=request_id)
    later = await identity.login(password=NEW_PASSWORD)
    await _change_password(identity, asha, request_id=request_id)
    await identity.refresh(later.tokens.refresh_token)  # a repeated request ends no session
    reused = (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    other = "a flock of two quiet herons"
    assert await refused(_change_password(identity, asha, new=other, request_id=request_id)) == reused
    assert await refused(_change_password(identity, asha)) == WRONG
    await identity.login(password=NEW_PASSWORD)


async def test_a_failed_change_of_the_password_can_be_repeated_with_the_right_one(identity: Identity) -> None:
    asha, request_id = await identity.register(), uuid7()
    assert await refused(_change_password(identity, asha, "wrong", request_id=request_id)) == WRONG
    await _change_password(identity, asha, request_id=request_id)
    await identity.login(password=NEW_PASSWORD)


async def test_repeated_changes_are_no_way_to_guess_the_password(identity: Identity) -> None:
    page = await identity.page()
    asha = await identity.register(headers=page.browser("198.51.100.7"))  # so that this source is unknown
    request_id = uuid7()
    await _change_password(identity, asha, request_id=request_id)
    answers = [
        await refused(_change_password(identity, asha, new=f"guess number {guess}", request_id=request_id))
        for guess in range(6)
    ]
    assert answers[-1] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")


async def test_verifiers_learn_of_the_sessions_that_a_changed_password_ended(identity: Identity) -> None:
    asha = await identity.register()
    await identity.login()
    (other,) = [s for s in (await _sessions(identity, asha)).sessions if not s.current]
    await _change_password(identity, asha)
    revoked = (await identity.internal.GetRevocations(GetRevocationsRequest())).hashes
    assert list(revoked) == [hash_of(other.session_id)]


@pytest.mark.parametrize(("new", "problem"), [("password123", "new_password"), ("short", "new_password")])
async def test_a_weak_new_password_is_refused_before_the_old_one_is_checked(
    identity: Identity, new: str, problem: str
) -> None:
    asha = await identity.register()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _change_password(identity, asha, "not the old one", new)
    assert [field for field, _ in violations_of(caught.value)] == [problem]
    await identity.login()


async def test_guesses_of_the_old_password_are_throttled_like_sign_ins(identity: Identity) -> None:
    page = await identity.page()
    asha = await identity.register(headers=page.browser("198.51.100.7"))  # so that this source is unknown
    for _ in range(5):
        assert await refused(_change_password(identity, asha, "a wrong guess")) == WRONG
    code, reason = await refused(_change_password(identity, asha))
    assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")


async def test_of_two_changes_at_once_one_wins_and_the_other_needs_its_password(identity: Identity) -> None:
    asha = await identity.register()
    new = [f"a flock of {number} quiet herons" for number in (2, 3, 4)]
    results = await asyncio.gather(
        *(_change_password(identity, asha, PASSWORD, password) for password in new), return_exceptions=True
    )
    winners = [password for password, result in zip(new, results, strict=True) if result is None]
    assert len(winners) == 1
    await identity.login(password=winners[0])


async def test_a_sign_in_with_the_old_password_does_not_survive_its_change(identity: Identity) -> None:
    asha = await identity.register()
    changing, *signing_in = await asyncio.gather(
        _change_password(identity, asha), *(identity.login() for _ in range(6)), return_exceptions=True
    )
    assert changing is None
    for opened in signing_in:
        if isinstance(opened, SignedIn):
            assert await refused(identity.refresh(opened.tokens.refresh_token)) == ENDED
    assert len((await _sessions(identity, asha)).sessions) == 1


async def test_sessions_are_listed_newest_first_with_their_clients(identity: Identity) -> None:
    asha = await identity.register()
    identity.clock.advance(60)
    login = pb.LoginRequest(email="asha@example.com", password=PASSWORD, client_name="Firefox on Linux")
    opened = await identity.stub.Login(login)
    identity.clock.advance(60)
    await identity.refresh(opened.tokens.refresh_token)
    firefox, first = (await _sessions(identity, asha)).sessions
    assert (firefox.client_name, firefox.current, first.client_name, first.current) == (
        "Firefox on Linux",
        False,
        "",
        True,
    )
    assert firefox.refresh_time.seconds - firefox.create_time.seconds == 60
    assert firefox.create_time.seconds - first.create_time.seconds == 60
    assert not first.HasField("refresh_time")
    assert first.expire_time == asha.tokens.session_expire_time


async def test_ended_expired_and_other_customers_sessions_are_not_listed(identity: Identity) -> None:
    await identity.register()
    identity.clock.advance(20 * 86_400)
    await identity.register("ravi@example.com")
    ended, asha = await identity.login(), await identity.login()
    await identity.stub.Logout(pb.LogoutRequest(request_id=uuid7()), metadata=ended.headers)
    assert len((await _sessions(identity, asha)).sessions) == 2
    identity.clock.advance(11 * 86_400)
    refreshed = SignedIn(asha.customer, await identity.refresh(asha.tokens.refresh_token))
    assert [session.current for session in (await _sessions(identity, refreshed)).sessions] == [True]


async def test_sessions_come_in_pages_and_a_token_is_for_its_customer(identity: Identity) -> None:
    asha, ravi = await identity.register(), await identity.register("ravi@example.com")
    for _ in range(4):
        await identity.login()
    found, token = list[str](), ""
    while True:
        page = await _sessions(identity, asha, page_size=2, page_token=token)
        found += [session.session_id for session in page.sessions]
        if not (token := page.next_page_token):
            break
        kept = token
    assert len(found) == len(set(found)) == 5
    code, reason = await refused(_sessions(identity, ravi, page_token=kept))
    assert (code, reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_PAGE_TOKEN",
    )


async def test_a_session_can_be_ended_from_another_one(identity: Identity) -> None:
    asha = await identity.register()
    elsewhere = await identity.login()
    grant = await identity.grant(elsewhere, uuid7())
    (other,) = [s for s in (await _sessions(identity, asha)).sessions if not s.current]
    for _ in range(2):
        await _revoke(identity, asha, other.session_id.upper())
    assert await refused(identity.refresh(elsewhere.tokens.refresh_token)) == ENDED
    assert await refused(identity.exchange(grant.grant)) == GRANT_ENDED
    assert await refused(_sessions(identity, elsewhere)) == ENDED
    revoked = (await identity.internal.GetRevocations(GetRevocationsRequest())).hashes
    assert list(revoked) == [hash_of(other.session_id)]
    assert [session.current for session in (await _sessions(identity, asha)).sessions] == [True]


async def test_another_customers_session_is_not_found(identity: Identity) -> None:
    asha, ravi = await identity.register(), await identity.register("ravi@example.com")
    (his,) = (await _sessions(identity, ravi)).sessions
    for session_id in (his.session_id, uuid7()):
        assert await refused(_revoke(identity, asha, session_id)) == NO_SESSION
    await identity.refresh(ravi.tokens.refresh_token)


async def test_an_ended_session_can_end_no_other(identity: Identity) -> None:
    asha = await identity.register()
    await identity.login()
    listed = (await _sessions(identity, asha)).sessions
    (own,), (other,) = [s for s in listed if s.current], [s for s in listed if not s.current]
    await _revoke(identity, asha, own.session_id)
    await _revoke(identity, asha, own.session_id)
    assert await refused(_revoke(identity, asha, other.session_id)) == ENDED
    assert await refused(_update(identity, asha, display_name="B")) == ENDED
