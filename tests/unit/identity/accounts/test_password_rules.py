"""Which passwords may be chosen."""

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
def test_what_attackers_try_first_is_refused_however_it_is_decorated(password: str) -> None:
    assert _problem(password) == "common"


@pytest.mark.parametrize("password", ["asha.rao@example.com", "Asha.Rao", "asha.rao1990", "Asha Rao!"])
def test_who_one_is_is_no_password(password: str) -> None:
    assert _problem(password) == "personal"


@pytest.mark.parametrize(
    "password",
    [
        "a flock of quiet herons",
        "ababcbabacba",
        "lower case only",
        "99 bottles",
        "\U0001f6e9" * 64,
        "\0\0\0\0\0\0\0\0",
        "password of mine",
    ],
)
def test_there_are_no_rules_of_composition(password: str) -> None:
    assert _problem(password) is None


@pytest.mark.parametrize(
    ("length", "problem"),
    [(MIN_LENGTH - 1, "short"), (MIN_LENGTH, None), (MAX_LENGTH, None), (MAX_LENGTH + 1, "long")],
)
def test_length_is_counted_in_characters(length: int, problem: str | None) -> None:
    assert _problem("ü" * length) == problem


def test_a_refusal_names_the_field_and_never_the_password() -> None:
    with pytest.raises(WeakPassword) as refused:
        refuse_weak("Jaihind@123", email="asha@example.com", display_name="Asha")
    assert refused.value.field == "password"
    assert "aihind" not in f"{refused.value}{refused.value.metadata}"


def test_the_list_is_in_the_form_it_is_compared_in() -> None:
    assert len(common_passwords()) > 500
    assert all(word == word.casefold() and word for word in common_passwords())
