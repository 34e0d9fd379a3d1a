"""Parameters that say how a picture is drawn: size, seed, steps, guidance, LoRAs."""
