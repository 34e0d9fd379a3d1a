"""A checkpoint's parts, loaded and put together into its pipeline."""

# Tested in tests/engine/test_loading.py.

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
import transformers
from diffusers import GGUFQuantizationConfig

from safelight.contract.checkpoints.checkpoint_files import can_be_left_out
from safelight.contract.checkpoints.split_weights import whole_folder
from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import DENOISERS, ModelOptions, Quantization
from safelight.engine.checkpoint.files.diffusers_index import none_made
from safelight.engine.checkpoint.files.folder import CHECKER, Checkpoint
from safelight.engine.checkpoint.files.single_file import Tensors, follow, marks_of, part_if_held, part_of, read_tensors
from safelight.engine.checkpoint.processors import without_videos
from safelight.engine.machine.library_errors import explained, missing_package
from safelight.engine.pipeline.modular import is_modular
from safelight.engine.tuning.quantization import check_components, configuration, refusal, table_for


class Assembly:
    """Loads a checkpoint once. `note` is given what only the weights tell, in sentences.

    Parts gather by name; of those that come as the half for text alone it is remembered which package the whole needs.
    """

    def __init__(
        self, checkpoint: Checkpoint, dtype: torch.dtype, options: ModelOptions, note: Callable[[str], object]
    ) -> None:
        self._checkpoint = checkpoint
        self._dtype = dtype
        self._options = options
        self._note = note
        self._parts: dict[str, Any] = dict.fromkeys(checkpoint.left_out)
        self._halves: dict[str, ImportError] = {}

    def pipeline(self) -> Any:
        """The pipeline, in evaluation mode, on the CPU.

        Raises:
            ModelLoadError: weights are missing. What else can be wrong raises whatever the libraries raise.
        """
        checkpoint, kind = self._checkpoint, self._checkpoint.pipeline_class
        check_components(self._options.quantization, checkpoint.weights)
        with nullcontext() if self._options.safety_checker else none_made(kind, CHECKER):
            for name, component in checkpoint.components.items():
                self._load_here(name, component)
            self._follow_marks()
            if checkpoint.file is not None:
                self._load_out_of(checkpoint.file)
            elif not self._halves and not is_modular(kind):
                whole: Any = kind
                return whole.from_pretrained(checkpoint.folder, **self._parts, local_files_only=True, dtype=self._dtype)
            return self._put_together()

    def _load_here(self, name: str, component: Any) -> None:
        """What is in the folder or in a file of its own."""
        transformer = self._options.transformer
        if transformer is not None and name in DENOISERS:
            self._parts[name] = self._denoiser(name, component, Path(transformer).expanduser())
        elif name in self._checkpoint.weights and self._checkpoint.file is None:
            self._parts[name] = self._module(name, component)
        elif hasattr(component, "_backends") or issubclass(component, transformers.ProcessorMixin):
            try:
                self._parts[name] = self._small(name, component)
            except ImportError as error:  # also of a class with `_backends`, which stands for one not made here
                self._parts[name], self._halves[name] = self._less_of(name, component, error), error

    def _follow_marks(self) -> None:
        """The scheduler as the single file, or the file with the denoiser, says that it is."""
        scheduler = self._checkpoint.components.get("scheduler")
        file = self._checkpoint.denoiser_file(self._options)
        if scheduler is not None and file is not None and (marks := marks_of(file)):
            self._parts["scheduler"] = follow(marks, self._small("scheduler", scheduler))

    def _load_out_of(self, file: Path) -> None:
        """What is in the single file, and not loaded yet."""
        kind = self._checkpoint.pipeline_class
        if not hasattr(kind, "from_single_file"):
            raise ModelLoadError(f"diffusers loads no single file as {kind.__name__}; use a folder.")
        tensors = Tensors(read_tensors(file, self._dtype))
        for name, component in sorted(self._checkpoint.components.items()):
            if name not in self._parts and issubclass(component, torch.nn.Module):
                self._parts[name] = self._of_file(tensors, name, component)
        for text in tensors.note_unplaced(file.name, self._parts.values()):
            self._note(text)

    def _of_file(self, tensors: Tensors, name: str, component: Any) -> Any:
        """A part out of the single file; what that lacks out of the folder, whose own weights stand back behind it."""
        folder, weights = self._checkpoint.folder, self._checkpoint.weights
        if can_be_left_out(name, self._checkpoint.pipeline_class._optional_components):  # type: ignore[attr-defined]
            return self._module(name, component) if name in weights else None
        if name not in weights:
            return part_of(tensors, name, component, folder, self._dtype)
        part = part_if_held(tensors, name, component, folder, self._dtype)
        if part is not None and self._table(name) is not None:
            raise ModelLoadError(
                f"`{name}` is in a single file, and what comes out of it is "
                "not quantized on loading. Leave that part out of `quantization`, or save the model as a folder."
            )
        return self._module(name, component) if part is None else part

    def _put_together(self) -> Any:
        """The pipeline by its constructor: `from_pretrained` insists on the classes that the index names."""
        kind: Any = self._checkpoint.pipeline_class
        for name, component in self._checkpoint.components.items():
            if name not in self._parts:
                self._parts[name] = self._small(name, component)
        expected, optional = kind._get_signature_keys(kind)
        settings = {name: value for name, value in self._checkpoint.settings.items() if name in optional}
        try:
            return kind(**{name: self._parts.get(name) for name in expected}, **settings)
        except (AttributeError, TypeError) as error:  # it asks a processor for more than its half
            if not self._halves:
                raise
            name, lacking = next(iter(self._halves.items()))
            raise ModelLoadError(
                f"The checkpoint's `{name}` is needed as a whole. {missing_package(lacking)}"
            ) from error

    def _small(self, name: str, component: Any) -> Any:
        """A part without weights."""
        return component.from_pretrained(self._checkpoint.folder / name, local_files_only=True)

    def _module(self, name: str, component: Any) -> Any:
        """A part with weights in the folder."""
        dtype, table = self._dtype, self._table(name)
        packed = {} if table is None else {"quantization_config": configuration(table, name, component, dtype)}
        with (
            explained(refusal(table, name)) if table is not None else nullcontext(),
            whole_folder(self._checkpoint.folder / name) as folder,
        ):
            module, info = component.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                variant=self._checkpoint.weights[name].variant,
                **packed,
            )
        lacking = sorted([*info["missing_keys"], *(str(key) for key in info["mismatched_keys"])])
        if lacking:
            raise ModelLoadError(
                f"The weights of `{name}` do not fit its configuration: {len(lacking)} tensors are missing or "
                f"have another shape, first {lacking[0]}. Get that part of the checkpoint again."
            )
        return module

    def _denoiser(self, name: str, component: Any, path: Path) -> Any:
        """The denoiser from a file of its own; its configuration is the folder's."""
        if not hasattr(component, "from_single_file"):
            raise ModelLoadError(f"diffusers loads no single file as {component.__name__}.")
        if path.suffix != ".gguf":
            tensors = Tensors(read_tensors(path, self._dtype))
            tensors.keep_those_of(component, self._checkpoint.folder / name)
            module = component.from_single_file(
                tensors, config=str(self._checkpoint.folder / name), local_files_only=True, torch_dtype=self._dtype
            ).eval()
            for text in tensors.note_unplaced(path.name, [module]):
                self._note(text)
            return module
        packed = GGUFQuantizationConfig(compute_dtype=self._dtype)
        return component.from_single_file(
            str(path),
            config=str(self._checkpoint.folder / name),
            local_files_only=True,
            torch_dtype=self._dtype,
            quantization_config=packed,
        ).eval()

    def _less_of(self, name: str, component: Any, lacking: ImportError) -> Any:
        """Of a processor whose library is not installed, all but its part for videos, which is what needs torchvision;
        pictures are then read with Pillow. Where that cannot be had either, the half for text."""
        with suppress(ImportError, AttributeError, TypeError):
            return self._small(name, without_videos(component))
        try:
            return transformers.AutoTokenizer.from_pretrained(self._checkpoint.folder / name, local_files_only=True)
        except (OSError, ValueError, KeyError):
            raise ModelLoadError(f"The checkpoint's `{name}` cannot be loaded. {missing_package(lacking)}") from None

    def _table(self, name: str) -> Quantization | None:
        """How that part is quantized on loading."""
        return table_for(self._options.quantization, name)
