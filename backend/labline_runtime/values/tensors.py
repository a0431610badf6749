"""PyTorch tensors cross a boundary as NumPy arrays do: out of band, and those that share memory go on sharing it.

torch's own way under pickle writes each tensor's storage as bytes into the stream, once for each tensor.
"""

from __future__ import annotations

import sys
from typing import Any

from labline_runtime.values.views import MemoryOwners, memory_of_row


def is_tensor(kind: type) -> bool:
    """Whether *kind* is that of plain tensors or parameters."""
    torch = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "nn") and kind in (torch.Tensor, torch.nn.Parameter)


def reduce_tensor(value: Any, owners: MemoryOwners) -> tuple[Any, ...] | None:
    """How to pickle a plain tensor or parameter in this computer's memory; None for anything else."""
    if not is_tensor(type(value)):
        return None
    torch: Any = sys.modules["torch"]
    if not value.is_leaf:
        return _computed, (value.detach(), type(value.grad_fn).__name__)
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
        return None
    if value.is_conj() or value.is_neg() or value._backward_hooks or vars(value):
        return None
    import numpy

    storage = value.untyped_storage()
    memory = owners.memory(storage.data_ptr(), lambda: torch.empty(0, dtype=torch.uint8).set_(storage).numpy())
    size = value.element_size()
    strides = tuple(size * step for step in value.stride())
    array = numpy.ndarray(tuple(value.shape), _dtype(torch, value), memory, size * value.storage_offset(), strides)
    kind = "parameter" if isinstance(value, torch.nn.Parameter) else "tensor"
    arguments = array, str(value.dtype).removeprefix("torch."), value.requires_grad, kind
    return (_tensor, arguments) if value.grad is None else (_tensor, arguments, value.grad, None, None, _set_gradient)


def memory_of(value: Any) -> Any:
    """The memory of a plain tensor or parameter, or of a row of records, as NumPy's array; None for anything else."""
    if not is_tensor(type(value)):
        return memory_of_row(value)
    if value.layout != sys.modules["torch"].strided or value.device.type != "cpu" or value.is_quantized:
        return None
    try:
        return value.detach().numpy()
    except (TypeError, RuntimeError):  # numbers that NumPy has no type for, or that are conjugated on reading
        return None


def _dtype(torch: Any, value: Any) -> Any:
    """NumPy's type of the elements; where it has none, an integer of their size."""
    try:
        return torch.empty(0, dtype=value.dtype).numpy().dtype
    except TypeError:
        return f"i{value.element_size()}"


def _computed(value: Any, operation: str) -> Any:
    """*value* as one that *operation* has computed of others: it shows that it was, and refuses to go back to them."""
    import torch

    class Earlier(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, value: Any, _: Any) -> Any:
            ctx.mark_dirty(value)
            return value

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            raise RuntimeError(
                "This tensor was computed in an earlier step, and what it was computed from stayed there. Compute it "
                "in the step that calls backward()."
            )

    node: Any = Earlier
    node._backward_cls = type(operation, (node._backward_cls,), {})
    with torch.enable_grad():
        return node.apply(value, torch.ones((), requires_grad=True))


def _tensor(array: Any, dtype: str, requires_grad: bool, kind: str) -> Any:
    import torch

    value = torch.from_numpy(array).view(getattr(torch, dtype))
    if kind == "parameter":
        return torch.nn.Parameter(value, requires_grad)
    return value.requires_grad_(requires_grad)


def _set_gradient(value: Any, gradient: Any) -> None:
    value.grad = gradient
