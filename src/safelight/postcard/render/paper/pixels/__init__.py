"""From an SVG drawing to pixels, and what is painted over them."""
