"""Drawings that are made anew of pieces: the document that holds them."""

from safelight.postcard.render.stage import Stage


def document(stage: Stage, width: int, height: int, name: str, body: str) -> str:
    """The document of ``width`` x ``height`` pixels with the pieces as one group of that name, in user units."""
    view = f"0 0 {stage.frame.width:.1f} {stage.frame.height:.1f}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="{view}">'
    return f'{head}<g id="{name}">{body}</g></svg>'
