"""Tile operations as the recorded facts of the real compiler list them."""

from collections import Counter

from devices.kernel import Memory, executions


def our_operations(kernel, values):
    """How often each operation runs in one task: by name, result and operands."""
    found = Counter()
    for op, trips in executions(kernel.body, values):
        result, operands = repr(op.result), tuple(map(repr, op.operands))
        if op.box is not None:
            parameter = kernel.parameters[op.box.parameter]
            shape = ",".join(map(str, parameter.shape))
            tensor = f"{parameter.dtype}[{shape}]@{Memory.GM.value}"
            operands = (*operands, tensor)
            result = tensor if op.result is None else result
        found[op.name, result, operands] += trips
    return found


def real_operations(ops):
    """The same of what the compiler emitted, valid parts aside."""
    found = Counter()
    for op in ops:
        result, _, _ = op["out"].partition(" valid")
        found[op["op"], result, tuple(op["in"])] += op["trip"]
    return found
