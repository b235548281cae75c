"""`readback doubles` serves both vendors and prints the settings to use them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from itertools import islice

import httpx
import pytest

pytestmark = pytest.mark.integration


def test_both_vendors_answer_at_the_addresses_that_are_printed() -> None:
    command = [sys.executable, "-m", "cli", "doubles", "--aviationstack-port", "0", "--flightapi-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            printed = "".join(islice(process.stdout, 5))
            settings = dict(re.findall(r"(\w+)=(\S+)", printed))
            key, first, second = (
                settings[name]
                for name in ("AVIATIONSTACK_API_KEY", "AVIATIONSTACK_BASE_URL", "FLIGHTAPI_BASE_URL")
            )
            assert settings["READBACK_AVIATIONSTACK_SPACING_SECONDS"] == "0"
            flights = httpx.get(
                f"{first}/flights", params={"access_key": key, "flight_iata": "AI542"}, timeout=20
            )
            assert flights.json()["data"][0]["flight"]["iata"] == "AI542"
            tracked = httpx.get(
                f"{second}/airline/{settings['FLIGHTAPI_API_KEY']}?num=542&name=ai&date=20261123", timeout=20
            )
            assert tracked.json()["flights"][0]["flightNumber"] == "542"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
