"""How PyTorch's tensors are digested: torch pickles a storage with facts of the moment, so not by what it pickles."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from labline_runtime.values.digest_arrays import elements
from labline_runtime.values.reduce_torch import ranked_hooks

if TYPE_CHECKING:
    from labline_runtime.values.digest import Walk


def tensor(walk: Walk, value: Any) -> bytes | None:
    """A tensor by type, dtype, shape, device, elements and gradient, however it lies in memory.

    None where torch must say.
    """
    torch = sys.modules["torch"]
    if value.is_quantized or value.is_nested:
        return None
    kind = type(value)
    history = f"{value.requires_grad} {value.is_leaf}"
    facts = f"{kind.__module__}.{kind.__qualname__} {value.dtype} {value.layout} {value.device} {history}"
    if value.layout == torch.strided:
        parts = [value]
    elif value.layout == torch.sparse_coo:
        whole = value.detach().coalesce()
        parts = [whole.indices(), whole.values()]
    else:
        return None
    content = [elements(walk, _array(torch, part)) for part in parts]
    if value.is_leaf and value.grad is not None:
        content.append(tensor(walk, value.grad) or walk.node(value.grad))
    return walk.tagged("tensor", facts.encode(), repr(tuple(value.shape)).encode(), *content)


def _array(torch: Any, value: Any) -> Any:
    """A NumPy array of the elements; of types that NumPy does not have, of their bits."""
    plain = value.detach().resolve_conj().resolve_neg().cpu()
    try:
        return plain.numpy()
    except TypeError:
        bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[plain.element_size()]
        return plain.contiguous().view(bits).numpy()


def optimizer(walk: Walk, value: Any) -> bytes:
    """An optimizer by class, settings, parameters with their states, and hooks."""
    attributes = vars(value)
    content = {name: attributes[name] for name in ("defaults", "state", "param_groups") if name in attributes}
    return walk.tagged("optimizer", walk.node(type(value)), walk.attributes(content | ranked_hooks(attributes)))


def generator(walk: Walk, value: Any) -> bytes:
    """A generator of random numbers by device and state."""
    return walk.tagged("torch_generator", str(value.device).encode(), elements(walk, value.get_state().numpy()))
