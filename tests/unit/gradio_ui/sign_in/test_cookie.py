"""The sign-in cookie: encrypted, bounded, and only for this server."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_ui.sign_in.cookie import COOKIE_NAME, CookieCipher, SignInCookie, cookie_value, set_cookie

pytestmark = pytest.mark.unit

CIPHER = CookieCipher("a secret of this installation, long enough to be one")
SIGN_IN = SignInCookie(
    "key", "customer-1", "Ada “${x}” Lovelace", "ada@example.com", "refresh-token", 3, 1_900_000_000.0
)


def test_an_encrypted_cookie_can_be_decrypted() -> None:
    assert CIPHER.decrypt(CIPHER.encrypt(SIGN_IN)) == SIGN_IN


def test_the_browser_can_read_nothing_of_it() -> None:
    value = CIPHER.encrypt(SIGN_IN)
    raw = base64.urlsafe_b64decode(value)
    assert all(
        word not in value and word.encode() not in raw
        for word in ("refresh-token", "ada@example.com", "customer-1")
    )


def test_longest_names_still_fit_into_a_cookie() -> None:
    longest = replace(SIGN_IN, display_name="é" * 100, email="a" * 254, refresh_token="r" * 128)
    value = CIPHER.encrypt(longest)
    assert CIPHER.decrypt(value) == longest
    assert len(f"{COOKIE_NAME}={value}") < 4096


def test_a_cookie_of_another_installation_is_invalid() -> None:
    assert (
        CookieCipher("another secret, just as long as the first one was").decrypt(CIPHER.encrypt(SIGN_IN))
        is None
    )


@given(st.integers(0, 400), st.integers(0, 7))
def test_a_changed_cookie_is_invalid(position: int, bit: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(CIPHER.encrypt(SIGN_IN)))
    raw[position % len(raw)] ^= 1 << bit
    assert CIPHER.decrypt(base64.urlsafe_b64encode(bytes(raw)).decode()) is None


@given(st.text(max_size=300))
def test_any_other_text_is_invalid(value: str) -> None:
    assert CIPHER.decrypt(value) is None


def test_encrypted_json_of_another_shape_is_invalid() -> None:
    assert CIPHER.decrypt(CIPHER._fernet.encrypt(b'{"key": "x"}').decode()) is None
    assert CIPHER.decrypt(CIPHER._fernet.encrypt(b"[1]").decode()) is None


def test_secure_is_set_only_over_https() -> None:
    assert (
        set_cookie("v", max_age=60, secure=True)
        == f"{COOKIE_NAME}=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    )
    assert set_cookie("v", max_age=60, secure=False).endswith("SameSite=Lax")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (f"{COOKIE_NAME}=abc".encode(), "abc"),
        (f"other=1; {COOKIE_NAME}=abc; more=2".encode(), "abc"),
        (
            f'prefs={{"a":1}}; {COOKIE_NAME}=abc'.encode(),
            "abc",
        ),  # of another program on this host, and of no strict form
        (f"{COOKIE_NAME}=abc; caf\u00e9=\u00fc; [x]=@".encode(), "abc"),
        (b"other=1", ""),
        (b"\xff\xfe=\x00", ""),
        (b"", ""),
    ],
)
def test_cookie_is_found_among_others(header: bytes, value: str) -> None:
    assert cookie_value([(b"host", b"localhost"), (b"cookie", header)]) == value
