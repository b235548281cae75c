"""Digests of quotes: SHA-256 over the terms as canonical JSON (RFC 8785)."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785
from google.protobuf import json_format
from readback.booking.v1.quotes_pb2 import QuoteTerms


def canonical_json(terms: QuoteTerms) -> bytes:
    """Return terms in the protobuf JSON mapping without default values, canonicalised by RFC 8785."""
    document: dict[str, Any] = json_format.MessageToDict(terms)
    return rfc8785.dumps(document)


def digest_of(terms: QuoteTerms) -> str:
    """Return the digest of terms, as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(canonical_json(terms)).hexdigest()
