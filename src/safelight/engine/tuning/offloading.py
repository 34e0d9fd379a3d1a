"""One part of a model at a time on its accelerator while the others lie in the host's memory (`offload = "model"`).

diffusers' own `enable_model_cpu_offload` puts a part away when the one that follows it in a call is used. With several
pictures on their way parts are used in any order, and a prompt's encoder would come while the denoiser is still there.
Here whichever part is used is alone there; and since weights never change, a part that goes is not copied back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from diffusers.hooks.group_offloading import _get_group_onload_device

HOST = torch.device("cpu")


class OneAtATime:
    """Which part is on the device: the one that was used last."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._present: Part | None = None

    def add(self, module: torch.nn.Module) -> Part:
        """A part, which comes whenever it is called from now on; it is on the host now."""
        part = Part(self, module, self._device)
        # What diffusers and transformers look for: where a part computes, and what goes before methods like `decode`.
        object.__setattr__(module, "_hf_hook", part)
        module.register_forward_pre_hook(lambda *_: part.come())
        return part

    def bring(self, part: Part) -> None:
        """Put the one that is there away, and bring this one."""
        if self._present is part:
            return
        if self._present is not None:
            self._present.put_away()
        self._present = part
        try:
            part.bring()
        except BaseException:  # the device is full: nobody is there
            self._present = None
            part.put_away()
            raise


class Part:
    """A component, and where its weights lie on the host. `execution_device` is where it computes."""

    def __init__(self, all_parts: OneAtATime, module: torch.nn.Module, device: torch.device) -> None:
        self.execution_device = device
        self._all, self._module = all_parts, module
        self._at_home: list[tuple[torch.Tensor, torch.Tensor]] = []

    def come(self) -> None:
        """Be on the device, alone."""
        self._all.bring(self)

    def pre_forward(self, module: torch.nn.Module, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """diffusers calls this before methods that are not `forward`."""
        self.come()
        return args, kwargs

    def bring(self) -> None:
        """Copy the weights to the device; those on the host are kept as they are."""
        for tensor in self._plain():
            self._at_home.append((tensor, tensor.data))
            tensor.data = tensor.data.to(self.execution_device)
        self._module.to(self.execution_device)

    def put_away(self) -> None:
        """Back to the weights on the host: nothing is copied but what is not plain or has come since."""
        for tensor, data in self._at_home:
            tensor.data = data
        self._at_home.clear()
        self._module.to(HOST)

    def _plain(self) -> Iterator[torch.Tensor]:
        """Weights whose data can be exchanged: quantized ones hold others, and know themselves how to move."""
        tensors = (*self._module.parameters(), *self._module.buffers())
        return (tensor for tensor in tensors if type(tensor) in (torch.nn.Parameter, torch.Tensor))


def offload(pipeline: Any, device: str) -> None:
    """Have the parts of a pipeline, which is on the host, take turns on that device."""
    place = OneAtATime(torch.device(device))
    for component in {id(each): each for each in pipeline.components.values()}.values():
        if isinstance(component, torch.nn.Module):
            place.add(component)


def come(component: Any) -> None:
    """Before any method of a component computes: have it where it computes, if it takes turns there."""
    if isinstance(part := getattr(component, "_hf_hook", None), Part):
        part.come()


def computes_on(component: torch.nn.Module) -> torch.device:
    """The device that a component computes on, wherever its weights are now."""
    if isinstance(part := getattr(component, "_hf_hook", None), Part):
        return part.execution_device
    try:
        return torch.device(_get_group_onload_device(component))
    except ValueError:  # it is not offloaded
        return next((weights.device for weights in component.parameters()), HOST)
