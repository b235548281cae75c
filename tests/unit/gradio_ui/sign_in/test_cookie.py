"""The sign-in cookie: sealed, bounded, and only for this server."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_ui.sign_in.cookie import COOKIE, CookieSeal, SignIn, cookie_of, set_cookie

pytestmark = pytest.mark.unit

SEAL = CookieSeal("a secret of this installation, long enough to be one")
SIGN_IN = SignIn(
    "key", "customer-1", "Ada “${x}” Lovelace", "ada@example.com", "refresh-token", 3, 1_900_000_000.0
)


def test_what_was_sealed_is_opened_again() -> None:
    assert SEAL.open(SEAL.seal(SIGN_IN)) == SIGN_IN


def test_browser_can_read_nothing_of_it() -> None:
    value = SEAL.seal(SIGN_IN)
    raw = base64.urlsafe_b64decode(value)
    assert all(
        word not in value and word.encode() not in raw
        for word in ("refresh-token", "ada@example.com", "customer-1")
    )


def test_longest_names_still_fit_into_a_cookie() -> None:
    longest = replace(SIGN_IN, display_name="é" * 100, email="a" * 254, refresh_token="r" * 128)
    value = SEAL.seal(longest)
    assert SEAL.open(value) == longest
    assert len(f"{COOKIE}={value}") < 4096


def test_cookie_of_another_installation_is_nobodys() -> None:
    assert CookieSeal("another secret, just as long as the first one was").open(SEAL.seal(SIGN_IN)) is None


@given(st.integers(0, 400), st.integers(0, 7))
def test_changed_cookie_is_nobodys(position: int, bit: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(SEAL.seal(SIGN_IN)))
    raw[position % len(raw)] ^= 1 << bit
    assert SEAL.open(base64.urlsafe_b64encode(bytes(raw)).decode()) is None


@given(st.text(max_size=300))
def test_any_other_text_is_nobodys(value: str) -> None:
    assert SEAL.open(value) is None


def test_sealed_json_of_another_shape_is_nobodys() -> None:
    assert SEAL.open(SEAL._fernet.encrypt(b'{"key": "x"}').decode()) is None
    assert SEAL.open(SEAL._fernet.encrypt(b"[1]").decode()) is None


def test_secure_is_set_over_https_alone() -> None:
    assert (
        set_cookie("v", max_age=60, secure=True)
        == f"{COOKIE}=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    )
    assert set_cookie("v", max_age=60, secure=False).endswith("SameSite=Lax")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (f"{COOKIE}=abc".encode(), "abc"),
        (f"other=1; {COOKIE}=abc; more=2".encode(), "abc"),
        (
            f'prefs={{"a":1}}; {COOKIE}=abc'.encode(),
            "abc",
        ),  # of another program on this host, and of no strict form
        (f"{COOKIE}=abc; caf\u00e9=\u00fc; [x]=@".encode(), "abc"),
        (b"other=1", ""),
        (b"\xff\xfe=\x00", ""),
        (b"", ""),
    ],
)
def test_cookie_is_found_among_others(header: bytes, value: str) -> None:
    assert cookie_of([(b"host", b"localhost"), (b"cookie", header)]) == value
