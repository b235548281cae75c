"""Tokens and grants of one purpose open nothing else."""

from __future__ import annotations

import pytest
from livekit import api as livekit
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.identity.v1 import identity_service_pb2 as identity

from mesh.ids import uuid7
from mesh.security.authentication import bearer
from tests.security.running_mesh import Mesh

pytestmark = [pytest.mark.security, pytest.mark.asyncio(loop_scope="session")]


async def test_another_customer_cannot_revoke_the_grant_of_a_call(mesh: Mesh) -> None:
    revoke = identity.RevokeGrantRequest(call_id=mesh.ids["bob"]["call_id"], request_id=uuid7())
    await mesh.identity.RevokeGrant(revoke, metadata=bearer(mesh.tokens["ada"]))
    opening = conversation.RecordOpen(call_id=mesh.ids["bob"]["call_id"], epoch=1, writer_id=uuid7())
    record = mesh.conversation.Record(metadata=bearer(mesh.tokens["agent"]))
    await record.write(conversation.RecordRequest(open=opening))
    response = await record.read()
    record.cancel()
    assert isinstance(response, conversation.RecordResponse)
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
