"""Lines of a call keep the order of the command line across options."""

from __future__ import annotations

import pytest

from cli.commands.call import ScriptLine, host_of, read_script

pytestmark = pytest.mark.unit


def test_order_is_kept_across_kinds() -> None:
    given = ["call", "--say", "one", "--wav", "two.wav", "--text", "three", "--say", "four", "--json"]
    assert read_script(given) == [
        ScriptLine("say", "one"),
        ScriptLine("wav", "two.wav"),
        ScriptLine("text", "three"),
        ScriptLine("say", "four"),
    ]


def test_both_spellings_of_an_option_are_understood() -> None:
    assert read_script(["--say=a=b", "--text", "c"]) == [ScriptLine("say", "a=b"), ScriptLine("text", "c")]


def test_words_that_look_like_options_are_words() -> None:
    assert read_script(["--out", "--say", "--text", "--say"]) == [ScriptLine("text", "--say")]


def test_nothing_counts_after_the_end_of_options() -> None:
    assert read_script(["--say", "a", "--", "--say", "b"]) == [ScriptLine("say", "a")]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("127.0.0.1:50052", "127.0.0.1"),
        ("voice.lan:50052", "voice.lan"),
        ("[2001:db8::7]:50052", "2001:db8::7"),
        ("dns:///conversation:50052", "conversation"),
        ("10.0.0.5:50052,10.0.0.6:50052", None),
    ],
)
def test_the_host_of_a_service_is_where_its_livekit_is_looked_for(address: str, host: str | None) -> None:
    assert host_of(address) == host
