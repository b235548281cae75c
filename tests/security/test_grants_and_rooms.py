"""Tokens and grants of one purpose open nothing else."""

from __future__ import annotations

import pytest
from livekit import api as livekit
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal

from mesh.ids import uuid7
from mesh.security.authentication import bearer
from tests.security.running_mesh import Mesh

pytestmark = [pytest.mark.security, pytest.mark.asyncio(loop_scope="session")]


async def test_another_customer_cannot_revoke_the_grant_of_a_call(mesh: Mesh) -> None:
    revoke = internal.RevokeGrantRequest(call_id=mesh.ids["bob"]["call_id"], request_id=uuid7())
    await mesh.identity_internal.RevokeGrant(revoke, metadata=bearer(mesh.tokens["ada"]))
    opening = call_record.RecordOpen(call_id=mesh.ids["bob"]["call_id"], epoch=1, writer_id=uuid7())
    record = mesh.call_records.Record(metadata=bearer(mesh.tokens["agent"]))
    await record.write(call_record.RecordRequest(open=opening))
    response = await record.read()
    record.cancel()
    assert isinstance(response, call_record.RecordResponse)
    assert response.opened.conversation_id == mesh.ids["bob"]["conversation_id"]
    assert await mesh.exchange(response.opened.grant)


async def test_livekit_refuses_an_access_token(mesh: Mesh) -> None:
    keys = mesh.secrets.livekit_keys("livekit")
    verifier = livekit.TokenVerifier(keys.key, keys.secret)
    assert verifier.verify(mesh.tokens["ada's LiveKit token"]).identity
    with pytest.raises(Exception, match=r"(?i)alg|signature|issuer|invalid"):
        verifier.verify(mesh.tokens["ada"])


async def test_a_callers_livekit_token_allows_one_room_with_microphone_and_text_only(mesh: Mesh) -> None:
    keys = mesh.secrets.livekit_keys("livekit")
    claims = livekit.TokenVerifier(keys.key, keys.secret).verify(mesh.tokens["ada's LiveKit token"])
    grants = claims.video
    assert grants is not None
    assert grants.room
    assert grants.can_publish_sources == ["microphone"]
    powers = (
        "room_admin",
        "room_create",
        "room_list",
        "room_record",
        "ingress_admin",
        "can_update_own_metadata",
    )
    assert not any(getattr(grants, power) for power in powers)
    assert claims.room_config is None, "the token can't dispatch an agent"
