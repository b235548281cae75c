"""Password rules."""

from __future__ import annotations

import pytest

from services.identity.accounts.password_rules import MAX_LENGTH, MIN_LENGTH, common_passwords, refuse_weak
from services.identity.errors import WeakPassword

pytestmark = pytest.mark.unit


def _problem(
    password: str, email: str = "asha.rao@example.com", display_name: str = "Asha Rao"
) -> str | None:
    try:
        refuse_weak(password, email=email, display_name=display_name)
    except WeakPassword as error:
        return error.metadata["problem"]
    return None


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1",
        "PASSWORD123!",
        "p@ssw0rd",
        "12345678",
        "1234567890",
        "qwertyuiop",
        "iloveyou",
        "Jaihind@123",
    ],
)
def test_common_passwords_are_refused_with_any_suffix_or_case(password: str) -> None:
    assert _problem(password) == "common"


@pytest.mark.parametrize("password", ["asha.rao@example.com", "Asha.Rao", "asha.rao1990", "Asha Rao!"])
def test_names_and_addresses_are_refused_as_passwords(password: str) -> None:
    assert _problem(password) == "personal"


@pytest.mark.parametrize(
    "password",
    [
        "a flock of quiet herons",
        "ababcbabacba",
        "lower case only",
        "99 bottles",
        "\U0001f6e9\U0001f6eb\U0001f6ec" * 20,
        "\0\1\2\0\1\2\0\1",
        "password of mine",
    ],
)
def test_there_are_no_rules_about_kinds_of_characters(password: str) -> None:
    assert _problem(password) is None


@pytest.mark.parametrize(
    ("length", "problem"),
    [(MIN_LENGTH - 1, "short"), (MIN_LENGTH, None), (MAX_LENGTH, None), (MAX_LENGTH + 1, "long")],
)
def test_length_is_counted_in_characters(length: int, problem: str | None) -> None:
    assert _problem(("üöä" * length)[:length]) == problem


@pytest.mark.parametrize(
    "password",
    [" " * 8, "\u3000" * 12, "aaaaaaaa", "a" * 200, "\U0001f6e9" * 64, "x       ", "1 1 1 1 1 1", "abababab"],
)
def test_repetition_is_refused(password: str) -> None:
    assert _problem(password) == "repetitive"


def test_the_length_of_the_composed_form_counts() -> None:
    assert _problem("e\u0301a\u0301o\u0301u\u0301") == "short"


def test_a_refusal_names_the_field_and_never_the_password() -> None:
    with pytest.raises(WeakPassword) as refused:
        refuse_weak("Jaihind@123", email="asha@example.com", display_name="Asha")
    assert refused.value.field == "password"
    assert "aihind" not in f"{refused.value}{refused.value.metadata}"


def test_the_list_has_the_form_that_is_compared() -> None:
    assert len(common_passwords()) > 500
    assert all(word == word.casefold() and word for word in common_passwords())
