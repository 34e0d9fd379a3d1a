"""A prompt that was cut is said in a sentence and in a header, which is read back."""

from __future__ import annotations

from safelight.contract.requests.prompt_cut import HEADER, PromptCut, cut_header, cuts_object, read_cut_header

CUTS = (PromptCut("prompt", read=77, tokens=120), PromptCut("negative_prompt", read=77, tokens=78))


def test_a_header_says_every_cut_and_is_read_back() -> None:
    assert cut_header(()) == {}
    header = cut_header(CUTS)
    assert header == {HEADER: "prompt;read=77;tokens=120, negative_prompt;read=77;tokens=78"}
    assert read_cut_header(header[HEADER]) == CUTS


def test_of_a_header_what_is_of_another_form_is_left_out() -> None:
    assert read_cut_header("seed;read=1;tokens=2, prompt;read=77;tokens=120,, prompt;read=x;tokens=1") == CUTS[:1]
    assert read_cut_header("") == ()


def test_a_cut_in_words_and_as_json() -> None:
    assert str(CUTS[0]).startswith("`prompt` was cut: the model reads 77 tokens, and it has 120.")
    assert cuts_object(CUTS) == {"prompt": {"read": 77, "tokens": 120}, "negative_prompt": {"read": 77, "tokens": 78}}
