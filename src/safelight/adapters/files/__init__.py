"""Pictures as files: a folder by default, an object store where the operator names one; and their thumbnails."""

from safelight.adapters.files.store import ObjectFiles, open_files

__all__ = ["ObjectFiles", "open_files"]
