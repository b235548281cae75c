"""Benchmark of turn latency: a caller's wait for an answer, compared with a plain set-up of the same models.

    python -m bench.turn_latency [--turns 20] [--json]

It starts the product in a temporary home and, on its LiveKit server, `bench/baselines/plain_agent.py`. One
caller is in a call with each agent. The callers ask in alternation, so that disturbances affect both alike.
It measures `first_audio_ms` at the caller: the time from the last loud sample of the question passed to
WebRTC to the first loud frame of the answer. The value is negative if the agent interrupted the question. All
speech is synthetic and the network is a loopback; real callers and networks add time to both sides.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from livekit import api
from readback.conversation.v1 import conversation_service_pb2 as pb

from agent.speech.audio import STT_RATE, Samples, resampled
from agent.speech.hibari_engine import TTS_RATE, HibariEngine
from bench.baselines import plain_agent
from cli.account.acting_account import acting_account
from cli.calls.call_client import CallClient, TurnReport
from cli.calls.placing import conversation_for_call, conversation_stub
from cli.supervisor.child_processes import child_process, ended_by_signals
from mesh.ids import uuid7
from mesh.settings import MeshSettings, load
from tests.product import environment_for, started

QUESTIONS = (
    "Show flights from Chennai to Delhi tomorrow morning.",
    "What about the evening?",
    "Is Air India five four two on time?",
    "I want to fly from London to Paris on Friday.",
    "Which airport is in Denver?",
    "Flights from Chicago to Boston tomorrow afternoon.",
    "The second one please.",
    "What is the cheapest flight from Singapore to Tokyo on Monday?",
)

_ROW = (
    "{name:9} n {turns}  median {median_ms} ms  p95 {p95_ms} ms  "
    "({least_ms} to {most_ms}, unanswered {unanswered}, cut in {cut_in})"
)


@dataclass(frozen=True)
class Side:
    """All turns of one agent."""

    name: str
    turns: list[TurnReport] = field(default_factory=list)

    def summary(self) -> Mapping[str, float | int | str]:
        """Return counts, and median and 95th percentile (by linear interpolation) of the answered turns."""
        waits = sorted(turn.first_audio_ms for turn in self.turns if turn.first_audio_ms is not None)
        quantiles = statistics.quantiles(waits, n=20, method="inclusive")
        return {
            "name": self.name,
            "turns": len(self.turns),
            "unanswered": len(self.turns) - len(waits),
            "cut_in": sum(wait < 0 for wait in waits),
            "median_ms": round(statistics.median(waits)),
            "p95_ms": round(quantiles[18]),
            "least_ms": round(waits[0]),
            "most_ms": round(waits[-1]),
        }

    def as_json(self) -> Mapping[str, object]:
        """Return the summary and every turn."""
        fields = ("said", "heard", "first_audio_ms")
        turns = [{name: getattr(turn, name) for name in fields} for turn in self.turns]
        return {**self.summary(), "each": turns}


@contextmanager
def running_plain_agent(environment: Mapping[str, str]) -> Iterator[None]:
    """Run the plain agent as a worker of the product's LiveKit server."""
    command = [sys.executable, "-m", "bench.baselines.plain_agent"]
    with child_process(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != plain_agent.READY:
            raise SystemExit("the plain agent did not start")
        yield


@asynccontextmanager
async def in_call_with_readback(settings: MeshSettings) -> AsyncIterator[CallClient]:
    """Call the product with a guest account."""
    async with (
        acting_account(settings) as account,
        conversation_stub(settings, account) as stub,
        conversation_for_call(stub, account, None) as conversation_id,
    ):
        placed = await stub.StartCall(pb.StartCallRequest(conversation_id=conversation_id))
        async with CallClient.join(placed.access.livekit_url, placed.access.livekit_token) as caller:
            await caller.wait_for_greeting(60)
            yield caller


@asynccontextmanager
async def in_call_with_plain(settings: MeshSettings) -> AsyncIterator[CallClient]:
    """Call the plain agent."""
    keys = settings.livekit_keys
    dispatch = api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name=plain_agent.NAME)])
    token = api.AccessToken(keys.key, keys.secret).with_identity("caller").with_room_config(dispatch)
    token = token.with_grants(api.VideoGrants(room_join=True, room=f"plain-{uuid7()}"))
    async with CallClient.join(settings.livekit_url, token.to_jwt()) as caller:
        await caller.wait_for_greeting(60)
        yield caller


async def measure(settings: MeshSettings, turns: int) -> tuple[Side, Side]:
    """Ask both agents each question, in alternating order."""
    questions = [(said, speech) for said, speech in islice(cycle(_synthesised_questions().items()), turns)]
    readback, plain = Side("readback"), Side("plain")
    async with AsyncExitStack() as stack:
        sides = [
            (readback, await stack.enter_async_context(in_call_with_readback(settings))),
            (plain, await stack.enter_async_context(in_call_with_plain(settings))),
        ]
        for said, speech in questions:
            for side, caller in sides:
                report = await caller.speak(speech, said)
                side.turns.append(report)
                wait = report.first_audio_ms or float("nan")
                print(f"{side.name:9} {wait:7.0f} ms  {report.heard}", file=sys.stderr)
            sides.reverse()
    return readback, plain


def _synthesised_questions() -> dict[str, Samples]:
    voice = HibariEngine()
    return {question: resampled(voice.say(question), TTS_RATE, STT_RATE) for question in QUESTIONS}


@ended_by_signals()
def main() -> None:
    """Measure and print a table, or one JSON object with every turn."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    turns_help = "questions to each agent (at least 20, for a p95)"
    arguments.add_argument("--turns", type=int, default=24, help=turns_help)
    arguments.add_argument("--json", action="store_true", help="print one JSON object with every turn")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment = environment_for(Path(home))
        environment["LIVEKIT_URL"] = f"ws://127.0.0.1:{environment['READBACK_LIVEKIT_PORT']}"
        os.environ.update(environment)
        # With LIVEKIT_URL set, the product would not start its own LiveKit server.
        own = {name: value for name, value in environment.items() if name != "LIVEKIT_URL"}
        with started(own) as product:
            product.wait_for("Ctrl-C ends everything")
            with running_plain_agent(environment):
                sides = asyncio.run(measure(load(MeshSettings), options.turns))
    if options.json:
        print(json.dumps({"load_average": os.getloadavg(), "sides": [side.as_json() for side in sides]}))
        return
    for side in sides:
        print(_ROW.format(**side.summary()))


if __name__ == "__main__":
    main()
