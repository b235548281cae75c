"""Credentials with one fault each. None of them may be taken for a caller."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from livekit import api as livekit

from mesh.ids import uuid7
from mesh.security.authentication import ALGORITHM
from mesh.security.workload_identity import make_assertion
from tests.mesh_tokens import SigningKey
from tests.security.running_mesh import Mesh, Metadata

Token = Callable[[Mesh, str], str]
"""Returns a bad token for a caller who has a good one."""
Fault = Callable[[Mesh, str], Metadata]

HOUR = 3600


def faults() -> dict[str, Fault]:
    """Return every fault by its name."""
    return {**_headers(), **{name: _as_bearer(token) for name, token in _tokens()}}


def _as_bearer(token: Token) -> Fault:
    return lambda mesh, caller: (("authorization", f"Bearer {token(mesh, caller)}"),)


def _headers() -> dict[str, Fault]:
    """Faults of the header around a good token."""

    def header(make: Callable[[str], str]) -> Fault:
        return lambda mesh, caller: (("authorization", make(mesh.tokens[caller])),)

    def two(make: Callable[[str], tuple[str, str]]) -> Fault:
        return lambda mesh, caller: tuple(("authorization", value) for value in make(mesh.tokens[caller]))

    return {
        "no header": lambda _mesh, _caller: (),
        "empty header": header(lambda _: ""),
        "no scheme": header(lambda token: token),
        "scheme without a space": header(lambda token: f"Bearer{token}"),
        "scheme only": header(lambda _: "Bearer"),
        "scheme and a space": header(lambda _: "Bearer "),
        "basic": header(lambda token: f"Basic {token}"),
        "two spaces": header(lambda token: f"Bearer  {token}"),
        "something after the token": header(lambda token: f"Bearer {token} x"),
        "comma after the token": header(lambda token: f"Bearer {token},"),
        "two tokens in one header": header(lambda token: f"Bearer {token}, Bearer {token}"),
        "quoted": header(lambda token: f'Bearer "{token}"'),
        "good then bad header": two(lambda token: (f"Bearer {token}", "Bearer a.b.c")),
        "bad then good header": two(lambda token: ("Bearer a.b.c", f"Bearer {token}")),
        "the same header twice": two(lambda token: (f"Bearer {token}", f"Bearer {token}")),
        "binary header": lambda mesh, caller: (("authorization-bin", mesh.tokens[caller].encode()),),
        "another header": lambda mesh, caller: (("proxy-authorization", f"Bearer {mesh.tokens[caller]}"),),
        "cookie": lambda mesh, caller: (("cookie", f"authorization={mesh.tokens[caller]}"),),
        "9,000 characters": header(lambda _: "Bearer " + "x" * 9000),
        "9,000 dots": header(lambda _: "Bearer " + "." * 9000),
    }


def _tokens() -> Iterator[tuple[str, Token]]:
    yield from _malformed().items()
    yield from _signatures().items()
    yield from _algorithms().items()
    yield from _protected_headers()
    yield from _claims()
    yield from _other_tokens().items()


def _malformed() -> dict[str, Token]:
    texts = {
        "one letter": "x",
        "three letters": "a.b.c",
        "dots": "..",
        "many parts": ".".join("a" * 20),
        "not base64": "!!!.???.###",
        "percent escapes": "%2e%2e.%00.%ff",
        "a path": "../../etc/passwd",
        "a header that is a list": f"{_part([])}.{_part({})}.x",
        "a header that is a number": f"{_part(7)}.{_part({})}.x",
        "a header that is null": f"{_part(None)}.{_part({})}.x",
        "a deeply nested header": f"{_encoded(b'[' * 3000)}.{_part({})}.x",
        "a header in invalid UTF-8": f"{_encoded(bytes([0xFF, 0xFE]))}.{_part({})}.x",
        "a header with a number of 4,000 digits": f"{_encoded(b'1' * 4000)}.{_part({})}.x",
    }
    cut: dict[str, Token] = {
        "half a token": lambda mesh, caller: mesh.tokens[caller][: len(mesh.tokens[caller]) // 2],
        "the last letter missing": lambda mesh, caller: mesh.tokens[caller][:-2],
        "upper case": lambda mesh, caller: mesh.tokens[caller].upper(),
        "a fourth part": lambda mesh, caller: f"{mesh.tokens[caller]}.e30",
        "reversed": lambda mesh, caller: mesh.tokens[caller][::-1],
    }
    return {name: _constant(text) for name, text in texts.items()} | cut


def _constant(text: str) -> Token:
    return lambda _mesh, _caller: text


def _signatures() -> dict[str, Token]:
    def signature(make: Callable[[bytes], bytes]) -> Token:
        def token(mesh: Mesh, caller: str) -> str:
            head, body, signed = mesh.tokens[caller].split(".")
            return f"{head}.{body}.{_encoded(make(_decoded(signed)))}"

        return token

    def payload(change: dict[str, Any]) -> Token:
        def token(mesh: Mesh, caller: str) -> str:
            head, _, signed = mesh.tokens[caller].split(".")
            return f"{head}.{_part(mesh.claims(caller) | change)}.{signed}"

        return token

    def another_tokens(mesh: Mesh, caller: str) -> str:
        head, body, _ = mesh.tokens[caller].split(".")
        return f"{head}.{body}.{mesh.tokens['bob'].split('.')[2]}"

    return {
        "no signature": signature(lambda _: b""),
        "a signature of zeros": signature(lambda _: bytes(64)),
        "a signature of ones": signature(lambda _: b"\0" * 31 + b"\1" + b"\0" * 31 + b"\1"),
        "a cut signature": signature(lambda signed: signed[:-1]),
        "a longer signature": signature(lambda signed: signed + b"\0"),
        "a flipped bit": signature(lambda signed: bytes([signed[0] ^ 1]) + signed[1:]),
        "halves exchanged": signature(lambda signed: signed[32:] + signed[:32]),
        "another token's signature": another_tokens,
        "another customer in the payload": payload({"sub": uuid7()}),
        "a later expiry in the payload": payload({"exp": 4_102_444_800}),
        "another id in the payload": payload({"jti": uuid7()}),
        "an unknown key": lambda mesh, caller: SigningKey().token(
            headers={"kid": mesh.kid}, **mesh.claims(caller)
        ),
    }


def _algorithms() -> dict[str, Token]:
    def unsigned(algorithm: object) -> Token:
        def token(mesh: Mesh, caller: str) -> str:
            header = {"alg": algorithm, "typ": "at+jwt", "kid": mesh.kid}
            return f"{_part(header)}.{mesh.tokens[caller].split('.')[1]}."

        return token

    def hmac_with(secret: Callable[[Mesh], bytes], algorithm: str = "HS256") -> Token:
        def token(mesh: Mesh, caller: str) -> str:
            header = {"alg": algorithm, "typ": "at+jwt", "kid": mesh.kid}
            signed = f"{_part(header)}.{mesh.tokens[caller].split('.')[1]}"
            digest = hmac.digest(secret(mesh), signed.encode(), "sha256")
            return f"{signed}.{_encoded(digest)}"

        return token

    def relabelled(algorithm: object) -> Token:
        def token(mesh: Mesh, caller: str) -> str:
            header = {"alg": algorithm, "typ": "at+jwt", "kid": mesh.kid}
            _, body, signed = mesh.tokens[caller].split(".")
            return f"{_part(header)}.{body}.{signed}"

        return token

    labels = ["RS256", "PS256", "ES384", "ES512", "ES256K", "EdDSA", "es256", "", None, 7, ["ES256"]]
    return {
        **{f"unsigned, alg {name}": unsigned(name) for name in ("none", "None", "NONE", "nOnE", "ES256")},
        **{f"alg {label!r}": relabelled(label) for label in labels},
        "HMAC with the published key": hmac_with(lambda mesh: mesh.jwk.encode()),
        "HMAC with the published key as PEM": hmac_with(_public_pem),
        "HMAC with nothing": hmac_with(lambda _: b""),
        "HMAC labelled ES256": hmac_with(_public_pem, ALGORITHM),
    }


def _public_pem(mesh: Mesh) -> bytes:
    return mesh.key.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _protected_headers() -> Iterator[tuple[str, Token]]:
    """Headers that no token of identity has, in tokens that are signed with its key."""

    def signed(headers: dict[str, Any]) -> Token:
        return lambda mesh, caller: mesh.forged(mesh.claims(caller), headers)

    kids = ["another", "", "../../etc/passwd", "' OR 1=1 --", "x" * 2000, "a\0b", "кey", "%2e%2e"]
    for kid in kids:
        yield f"kid {kid[:20]!r}", signed({"kid": kid})
    types = ["JWT", "jwt", "AT+JWT", "at+jwt ", "application/at+jwt", "refresh+jwt", "dpop+jwt", ""]
    types += ["client-authentication+jwt", "logout+jwt"]
    for kind in types:
        yield f"typ {kind!r}", signed({"typ": kind})
    extras: dict[str, Any] = {
        "jku": "https://attacker.example/keys",
        "x5u": "https://attacker.example/keys",
        "jwk": {"kty": "EC"},
        "x5c": ["AAAA"],
        "crit": ["exp"],
    }
    for name, value in extras.items():
        yield f"header {name}", signed({name: value})


def _claims() -> Iterator[tuple[str, Token]]:
    """Claims that no token of identity has, in tokens that are signed with its key."""

    def with_claims(**change: Any) -> Token:
        return lambda mesh, caller: mesh.signed(_json(mesh.claims(caller) | change))

    def without(name: str) -> Token:
        return lambda mesh, caller: mesh.signed(_json(_without(mesh.claims(caller), name)))

    def in_the_past(**ago: float) -> Token:
        return lambda mesh, caller: with_claims(exp=_now() - timedelta(**ago).total_seconds())(mesh, caller)

    def in_the_future(name: str) -> Token:
        later = {"exp": _now() + 3 * HOUR, name: _now() + HOUR}
        return lambda mesh, caller: with_claims(**later)(mesh, caller)

    bodies = {
        "no JSON": b"{",
        "a list": b"[]",
        "a text": b'"ada"',
        "null": b"null",
        "nothing": b"",
        "UTF-16": b"\xff\xfe{",
    }
    bodies |= {
        "nested 10,000 times": b"[" * 3000 + b"]" * 3000,
        "a number of 5,000 digits": b'{"exp": ' + b"1" * 5000 + b"}",
    }
    for name, body in bodies.items():
        yield f"a body that is {name}", _with_body(body)
    yield "expired a second ago", in_the_past(seconds=1)
    yield "expired an hour ago", in_the_past(hours=1)
    yield "not valid yet", in_the_future("nbf")
    yield "issued in an hour", in_the_future("iat")
    for name in ("exp", "iat", "iss", "aud", "sub", "jti", "kind"):
        yield f"without {name}", without(name)
    times = [-1, 0, 10**30, -(10**30), 1e300, float("inf"), float("-inf"), float("nan"), "4102444800", "soon"]
    for value in [*times, "", True, None, [4102444800], {"at": 4102444800}]:
        yield f"exp {value!r}", with_claims(exp=value)
    starts = [10**30, 1e300, float("inf"), float("nan"), "0", "soon", None, True, [0], {"at": 0}]
    for name in ("iat", "nbf"):
        for value in starts:
            yield f"{name} {value!r}", with_claims(**{name: value})
    texts: dict[str, list[Any]] = {
        "iss": ["another", "readback-identity ", "READBACK-IDENTITY", "", 7, None, ["readback-identity"]],
        "aud": ["another", "readback-identity", "", [], ["another"], 7, None, {"readback-mesh": 1}],
        "sub": ["", 7, None, [], ["ada"], {"id": "ada"}, True],
        "jti": [7, None, [], {}, True],
        "kind": ["", "root", "CUSTOMER", "customer ", 7, None, ["customer"], {"kind": "customer"}, True],
        "sid": [7, [], {}, True],
        "call": [7, [], {}],
        "conversation": [7, [], {}],
    }
    for name, values in texts.items():
        for value in values:
            yield f"{name} {value!r}", with_claims(**{name: value})
    kinds: dict[str, dict[str, Any]] = {
        "an unknown workload": {"kind": "service", "sub": "billing"},
        "a customer as a workload": {"kind": "service", "sub": uuid7()},
        "a customer with an actor": {"kind": "customer", "act": {"sub": "agent"}},
        "an agent without an actor": {"kind": "agent", "act": None},
        "an agent whose actor is a text": {"kind": "agent", "act": "agent"},
        "an agent whose actor is a number": {"kind": "agent", "act": {"sub": 7}},
        "an agent whose actor has no name": {"kind": "agent", "act": {}},
        "an agent without a call": {"kind": "agent", "act": {"sub": "agent"}, "call": "", "conversation": ""},
        "a workload with an actor": {"kind": "service", "sub": "agent", "act": {"sub": "agent"}},
    }
    for name, change in kinds.items():
        yield name, with_claims(**change)


def _with_body(body: bytes) -> Token:
    return lambda mesh, _caller: mesh.signed(body)


def _other_tokens() -> dict[str, Token]:
    """Credentials of the product that are no access tokens."""

    def assertion(mesh: Mesh, _caller: str) -> str:
        return make_assertion("agent", mesh.secrets.actor_key("agent"), now=datetime.now(UTC))

    def worker_key(mesh: Mesh, caller: str) -> str:
        keys = mesh.secrets.livekit_keys("livekit-worker")
        token = livekit.AccessToken(keys.key, keys.secret).with_identity(str(mesh.claims(caller)["sub"]))
        return token.with_grants(livekit.VideoGrants(room_join=True, room="call")).to_jwt()

    return {
        "a refresh token": lambda mesh, _: mesh.tokens["ada's refresh token"],
        "a grant": lambda mesh, _: mesh.tokens["grant"],
        "a LiveKit token": lambda mesh, _: mesh.tokens["ada's LiveKit token"],
        "a worker's LiveKit token": worker_key,
        "an assertion": assertion,
        "the published key": lambda mesh, _: mesh.jwk,
    }


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


def _without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in claims.items() if other != name}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _part(value: object) -> str:
    return _encoded(_json(value))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
