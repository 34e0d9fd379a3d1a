"""What of a model fits which card, by arithmetic alone."""

from __future__ import annotations

from safelight.cli.checkpoints.fitting import CARDS_GB, fits

# Stable Diffusion 3.5 Large in bfloat16, as docs/models.md has it: 27.4 GB, of which the transformer is 16.1.
LARGE = {
    "transformer": 16_100_000_000,
    "text_encoder_3": 9_500_000_000,
    "text_encoder": 1_600_000_000,
    "vae": 200_000_000,
}


def settings_for(parts: dict[str, int]) -> dict[int, str | None]:
    return {fit.card_gb: fit.way.settings if fit.way else None for fit in fits(parts)}


def test_a_large_model_is_whole_on_a_large_card_and_by_parts_or_in_fewer_bits_on_smaller_ones() -> None:
    assert settings_for(LARGE) == {
        8: None,  # its text encoder alone is larger than what 8 GB leave for weights
        16: 'offload = "model", quantization = "int8"',
        24: 'offload = "model"',
        48: "nothing to set",
        80: "nothing to set",
    }


def test_what_changes_no_picture_comes_first() -> None:
    small = {"unet": 5_100_000_000, "text_encoder_2": 1_400_000_000, "vae": 200_000_000}
    assert settings_for(small)[8] == 'offload = "model"'
    assert settings_for(small)[16] == "nothing to set"


def test_only_the_denoiser_is_counted_in_fewer_bits() -> None:
    parts = {"transformer": 20_000_000_000, "text_encoder": 6_000_000_000}
    (eight, *_rest) = fits(parts)
    assert eight.way is not None
    assert eight.way.settings.endswith('"nf4"')
    assert eight.way.bytes == 6_000_000_000


def test_every_card_has_an_answer_for_a_model_without_weights() -> None:
    assert [fit.card_gb for fit in fits({}) if fit.way] == list(CARDS_GB)
