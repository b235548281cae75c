"""The contract's tools as the committed `schemas/tools.json`; a test holds the file to the contract.

`python -m agent.dialogue.tool_schemas` writes it anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from readback.flightdata.v1 import flightdata_service_pb2

from mesh.tool_schemas import tool_schemas

SCHEMAS = Path(__file__).parent / "schemas"


def tools_json() -> str:
    """The text of `schemas/tools.json`."""
    schemas = tool_schemas(flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"])
    return json.dumps(schemas, indent=2) + "\n"


def main() -> None:
    """Writes the schemas."""
    (SCHEMAS / "tools.json").write_text(tools_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
