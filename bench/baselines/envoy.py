"""Envoy with its JSON transcoder in front of the services, with one worker and no other filters."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import httpx

from cli.supervisor.child_processes import child_process, run
from mesh.settings import CHECKOUT
from tests.grpc_gateway.server import SERVICES
from tests.product import free_ports, wait_until_ready

_ENVOY = "type.googleapis.com/envoy.extensions"


@contextmanager
def envoy(addresses: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Run Envoy with its JSON transcoder in front of the services; yield its URL."""
    includes = [
        CHECKOUT / "protos",
        CHECKOUT / "third_party/protos",
        resources.files("grpc_tools") / "_proto",
    ]
    descriptors = folder / "contracts.pb"
    protoc = [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{one}" for one in includes)]
    files = [service.file.name for service in SERVICES]
    run([*protoc, "--include_imports", f"--descriptor_set_out={descriptors}", *files]).check_returncode()
    (port,) = free_ports(1)
    (folder / "envoy.json").write_text(json.dumps(_envoy_settings(port, addresses, descriptors)))
    command = ["envoy", "-c", str(folder / "envoy.json"), "--concurrency", "1", "--disable-hot-restart"]
    with (folder / "envoy.log").open("wb") as log, child_process(command, stdout=log, stderr=log):
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(lambda: httpx.get(url, trust_env=False), httpx.TransportError)
        yield url


def _envoy_settings(port: int, addresses: Mapping[str, str], descriptors: Path) -> dict[str, Any]:
    transcoder = {
        "@type": f"{_ENVOY}.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor": str(descriptors),
        "services": [service.full_name for service in SERVICES],
        "print_options": {"stream_newline_delimited": True},
        "convert_grpc_status": True,
    }
    manager = {
        "@type": f"{_ENVOY}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": _envoy_routes()}]},
        "http_filters": [
            {"name": "envoy.filters.http.grpc_json_transcoder", "typed_config": transcoder},
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_ENVOY}.filters.http.router.v3.Router"},
            },
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    clusters = [_envoy_cluster(name, address) for name, address in addresses.items()]
    listener = {"name": "http", "address": _envoy_address(f"127.0.0.1:{port}"), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def _envoy_routes() -> list[dict[str, Any]]:
    return [
        {
            "match": {"prefix": f"/{service.full_name}/"},
            "route": {"cluster": service.full_name, "timeout": "0s"},
        }
        for service in SERVICES
    ]


def _envoy_cluster(name: str, address: str) -> dict[str, Any]:
    http2 = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    endpoint = {"endpoint": {"address": _envoy_address(address)}}
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
    }


def _envoy_address(address: str) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}
