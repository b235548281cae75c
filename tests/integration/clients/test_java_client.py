"""The Java client: what its example program doesn't show."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from readback.conversation.v1.entry_pb2 import SPEAKER_AGENT
from readback_client import Addresses, Client, CredentialsFile, conversation

from services.conversation.client.recorder import Recorder
from tests.integration.clients.programs import (
    EMAIL,
    JAVA,
    PASSWORD,
    WRITER,
    Home,
    read_until,
    started,
    started_call,
)
from tests.integration.conversation.mesh import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

LIVE_TEXTS = """
import io.readback.client.*;
import io.readback.conversation.v1.WatchRequest;

class LiveTexts {
    public static void main(String[] arguments) {
        var request = WatchRequest.newBuilder().setConversationId(arguments[0]).setIncludeLive(true).build();
        try (var client = new Client(); var watch = client.watch(request)) {
            for (var event : watch.events()) {
                if (event.hasCaughtUp()) System.out.println("caught up");
                if (event.hasLive()) {
                    var bytes = event.getLive().getTail().getBytes(java.nio.charset.StandardCharsets.UTF_8);
                    System.out.writeBytes(bytes);
                    System.out.println();
                }
            }
        }
    }
}
"""
REVISIONS = ["🧭 to Deli", "🧭 to Delhi, नई", "🧭 to Delhi, नई दिल्ली"]
"""Revisions of one utterance. Their common start has a character of two UTF-16 units."""


async def test_live_text_is_completed_by_code_points(mesh: Mesh, tmp_path: Path) -> None:
    source, utterance = tmp_path / "LiveTexts.java", str(uuid4())
    source.write_text(LIVE_TEXTS)
    file = CredentialsFile.in_folder(tmp_path / "readback", mesh.identity_address)
    async with mesh.conversation() as address:
        where = Addresses(mesh.identity_address, address, "127.0.0.1:1")
        async with Client(where, store=file) as client:
            await client.register(EMAIL, PASSWORD, "Ana")
            call = await started_call(client)
            async with (
                started(Home(where, tmp_path), (*JAVA, str(source)), call.conversation_id) as program,
                Recorder(await mesh.agent_stub(), call.call_id, call.epoch, WRITER) as recorder,
            ):
                await read_until(program.stdout, "caught up")
                for text in REVISIONS:
                    recorder.revise(utterance, SPEAKER_AGENT, text)
                    assert await read_until(program.stdout, text) == [text]
                recorder.seal(utterance, SPEAKER_AGENT, REVISIONS[-1])
                await recorder.flushed()
                await client.conversation.end_conversation(
                    conversation.EndConversationRequest(call.conversation_id)
                )
                rest, log = await asyncio.wait_for(program.communicate(), 30)
    assert (program.returncode, rest) == (0, b""), log
