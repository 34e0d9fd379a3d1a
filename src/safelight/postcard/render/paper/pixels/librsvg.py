"""From an SVG document to pixels, by librsvg and Cairo.

They come with libvips in one shared library, in the wheel `pyvips-binary`. This module calls the one operation of it
that is needed; the package `pyvips`, which wraps all of libvips, is published as source only and would be built at
every installation. While libvips draws, other threads of Python go on.
"""

from typing import Any

import numpy as np
from _libvips import ffi, lib
from numpy.typing import NDArray

if lib.vips_init(b"safelight") != 0:
    raise ImportError("libvips does not start: install the package `pyvips-binary` anew")
lib.vips_concurrency_set(1)  # the engine says who has which core
lib.vips_cache_set_max(0)  # of drawings that nobody asks for again


def pixels(svg: str, width: int, height: int) -> NDArray[np.uint8]:
    """A document of that size as [height, width, 4]: sRGB and opacity. Raises ValueError if ``svg`` is no drawing."""
    operation = lib.vips_operation_new(b"svgload_buffer")
    _set_document(operation, svg.encode())
    loaded = lib.vips_cache_operation_build(operation)
    lib.g_object_unref(operation)
    if loaded == ffi.NULL:
        raise ValueError(f"this is no SVG drawing: {_problem()}")
    try:
        return _drawn(loaded, width, height)
    finally:
        lib.vips_object_unref_outputs(ffi.cast("VipsObject *", loaded))
        lib.g_object_unref(loaded)


def _set_document(operation: Any, document: bytes) -> None:
    """Gives the operation a copy of the document, which it frees."""
    memory = lib.g_malloc(len(document))
    ffi.memmove(memory, document, len(document))
    value = ffi.new("GValue *")
    lib.g_value_init(value, lib.g_type_from_name(b"VipsBlob"))
    lib.vips_value_set_blob_free(value, memory, len(document))
    lib.g_object_set_property(ffi.cast("GObject *", operation), b"buffer", value)
    lib.g_value_unset(value)


def _drawn(loaded: Any, width: int, height: int) -> NDArray[np.uint8]:
    """What a loaded document shows. It is drawn here, not when it is loaded."""
    value, size = ffi.new("GValue *"), ffi.new("size_t *")
    lib.g_value_init(value, lib.g_type_from_name(b"VipsImage"))
    lib.g_object_get_property(ffi.cast("GObject *", loaded), b"out", value)
    memory = lib.vips_image_write_to_memory(ffi.cast("VipsImage *", lib.g_value_get_object(value)), size)
    lib.g_value_unset(value)
    if memory == ffi.NULL:
        raise ValueError(f"this SVG drawing cannot be drawn: {_problem()}")
    memory = ffi.gc(memory, lib.g_free, size[0])
    if size[0] != width * height * 4:
        raise ValueError(f"this SVG drawing is not of {width}x{height} pixels")
    drawn: NDArray[np.uint8] = np.frombuffer(ffi.buffer(memory, size[0]), dtype=np.uint8).reshape(height, width, 4)
    return drawn


def _problem() -> str:
    text: str = ffi.string(lib.vips_error_buffer()).decode(errors="replace")
    lib.vips_error_clear()
    return " ".join(text.split())
