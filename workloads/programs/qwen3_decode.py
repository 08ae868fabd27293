"""Qwen3-32B decode, layers one after the other."""

from __future__ import annotations

from runtime.graph import View
from runtime.handwritten import Orchestration
from runtime.language import record
from workloads.programs.qwen3_layer import build_decode_layer
from workloads.programs.qwen3_scope2 import longest_contexts

__all__ = ["SHARED", "build_decode"]

SHARED = ("seq_lens", "rope_cos", "rope_sin")
"""Tensors that all layers read; each has its own weights and caches."""


def build_decode(layers: int, **sizes: int) -> Orchestration:
    """Layers of a model: what one gives is the hidden state of the next.

    All layers submit the same tasks, so one is recorded. All caches are full. A batch of 48 in
    chunks of 16 (`k_chunk`, `out_chunk`, `mlp_chunk`) makes about a million tasks of 40 layers.

    Parameters
    ----------
    layers : int
        How many.
    sizes : int
        As of `build_decode_layer`.

    Raises
    ------
    InputError
        As `build_decode_layer`.
    """
    layer = record(build_decode_layer(**sizes), inputs=longest_contexts(**sizes))
    parameters = {view.buffer.name: view.buffer for view in layer.arguments}
    o = Orchestration("qwen3_decode")

    def tensor(name: str, number: int | None = None) -> View:
        buffer = parameters[name]
        own_name = name if number is None else f"{name}_{number}"
        return o.tensor(own_name, buffer.shape, buffer.dtype)

    shared = {name: tensor(name) for name in SHARED}
    hidden = tensor("hidden_states")
    own = [name for name in parameters if name not in (*SHARED, "hidden_states", "out")]
    for number in range(layers):
        result = tensor("out", None if number == layers - 1 else number)
        weights = {name: tensor(name, number) for name in own}
        o.include(layer, {**shared, **weights, "hidden_states": hidden, "out": result})
        hidden = result
    return o
