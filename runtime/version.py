"""One version of the runtime: its threads, its queues, its limits and what each step costs.

The figures are in the TOML files of ``versions/``, one per version, each with its source. What
differs between versions is in those files; nothing asks for a version's name.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from devices.calibration import CalibrationRecord
from devices.description import Count, Quantity, Text, differing_keys, load_named, names

__all__ = [
    "Costs",
    "DispatchOrder",
    "ProfilingCosts",
    "Rules",
    "RuntimeVersion",
    "Shape",
    "available_runtimes",
    "load_runtime",
    "own_keys",
]

_FOLDER = Path(__file__).parent / "versions"

Shape = Literal["mix", "aic", "aiv"]
"""What a task needs: a whole cluster, a cube core or a vector core."""
_ShapeOrder = tuple[Shape, Shape, Shape]
_Limit = Annotated[int, Meta(ge=0, le=1 << 60)]  # what is added to it stays within 64 bits


class DispatchOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """The order in which a scheduler thread serves the shapes, by the parity of its number."""

    even: _ShapeOrder
    odd: _ShapeOrder

    def __post_init__(self) -> None:
        for order in (self.even, self.odd):
            if len(set(order)) < len(order):
                raise ValueError(
                    f"dispatch_order: {list(order)} names a shape twice; expected each once"
                )


class Costs(Struct, frozen=True, forbid_unknown_fields=True):
    """What the steps of orchestrator, scheduler threads and cores take, without profiling.

    Attributes
    ----------
    submit_us, alloc_us : Quantity
        Orchestrator, per task and per hidden alloc.
    argument_us : Quantity
        Orchestrator, per tensor argument of a task.
    chain_entry_us : Quantity
        Orchestrator, per TensorMap entry that a lookup walks, of a submit that has not retired.
    insert_us : Quantity
        Orchestrator, per TensorMap entry that it makes.
    push_us : Quantity
        Orchestrator, to hand a task over that is ready when it has been submitted.
    edge_us : Quantity
        Orchestrator, per producer that it is told.
    scope_end_us : Quantity
        Orchestrator, per submit that a scope which ends has held.
    cond_read_us : Quantity
        Scheduler thread, per running core that it asks for its end.
    idle_loop_us : Quantity
        Scheduler thread, per iteration, before it asks any core; with 0 it sees everything when
        it happens.
    completion_us, per_consumer_us : Quantity
        Scheduler thread, per completed task, and per consumer that it tells.
    dispatch_us : Quantity
        Scheduler thread, per task that it hands to a core; the dispatch stamp is after it.
    aicpu_to_core_us, core_to_aicpu_us : Quantity
        Until what one side writes is visible to the other.
    core_prepare_us : Quantity
        Core, from receiving a task to its start.
    core_cold_us : Quantity
        Core, once more for its first task.
    entry_us : Quantity
        Orchestrator, before its first submit.
    """

    submit_us: Quantity
    alloc_us: Quantity
    argument_us: Quantity
    chain_entry_us: Quantity
    insert_us: Quantity
    push_us: Quantity
    edge_us: Quantity
    scope_end_us: Quantity
    cond_read_us: Quantity
    idle_loop_us: Quantity
    completion_us: Quantity
    per_consumer_us: Quantity
    dispatch_us: Quantity
    aicpu_to_core_us: Quantity
    core_to_aicpu_us: Quantity
    core_prepare_us: Quantity
    core_cold_us: Quantity
    entry_us: Quantity


class ProfilingCosts(Struct, frozen=True, forbid_unknown_fields=True):
    """What a run with profiling adds.

    Attributes
    ----------
    record_write_us : Quantity
        Core, per task, between its end and the report of it.
    phase_record_us : Quantity
        Orchestrator, per phase that it records.
    records_per_submit, records_per_alloc : int
        Phases that a submit and an alloc record.
    """

    record_write_us: Quantity
    phase_record_us: Quantity
    records_per_submit: Count
    records_per_alloc: Count


class Rules(Struct, frozen=True, forbid_unknown_fields=True):
    """Mechanisms that a version has or has not.

    Attributes
    ----------
    slots_per_core : int
        Tasks that a core holds: 1, or 2 of which it begins the second by itself.
    orchestration : str
        ``"device"``: a control core submits while cores run; ``"host"``: everything is submitted
        before time zero; ``"scope"``: as device, but tasks become visible when their scope ends.
    ready_queues : str
        ``"shared"``: one FIFO queue per shape; ``"own"``: each thread has one for as many tasks as
        it has cores, and takes from the shared one when that is empty.
    publishes_batches : bool
        Whether the tasks of one batch reach their cores together.
    mix_first : bool
        Whether AIC and AIV tasks wait while a MIX task does.
    finish_stamp : str
        ``"walked"``: the consumers have been walked; ``"seen"``: the end was observed.
    shows_end_first : bool
        Whether a core shows the end of a task before it writes its record.
    early_dispatch : bool
        Whether consumers of producers that allow it are put on a core before they are ready.
    mix_and_blocks : bool
        Whether it knows tasks that take more than one core.
    """

    slots_per_core: Literal[1, 2]
    orchestration: Literal["device", "host", "scope"]
    ready_queues: Literal["shared", "own"]
    publishes_batches: bool
    mix_first: bool
    finish_stamp: Literal["walked", "seen"]
    shows_end_first: bool
    early_dispatch: bool
    mix_and_blocks: bool


class RuntimeVersion(Struct, frozen=True, forbid_unknown_fields=True):
    """A version of the runtime.

    Attributes
    ----------
    name, description : str
        What to call it, and what it is.
    source : str
        Where the facts that have no range were read.
    scheduler_threads : int
        AICPU threads that dispatch and complete tasks; one more orchestrates.
    local_capacity : int
        Entries of a scheduler thread's own LIFO buffer, per shape; 0 is none.
    lookup_cap : int
        Most producers that one TensorMap lookup returns; 0 is no limit (see `lookup_limit`).
    rings : int
        Task rings (see `ring`).
    task_window : int
        Tasks and allocs that a ring has places for; one stays empty. 0 is no limit.
    heap_bytes : int
        Bytes of a ring's heap, for the tensors that the runtime allocates; 0 is no limit.
    output_alignment_bytes : int
        What the size of each of these tensors is rounded up to.
    dep_pool_entries : int
        Consumers that the producers' lists may hold, per ring of the consumer; 0 is no limit.
    tensormap_entries : int
        Entries of the TensorMap; 0 is no limit.
    deferred_releases : int
        Completed tasks after which a scheduler thread drops their references to producers, even
        if it is never idle.
    rules : Rules
        Its mechanisms.
    dispatch_order : DispatchOrder
        Order of the shapes (see `shape_order`).
    costs, profiling : Struct
        What the steps take, and what profiling adds.
    calibration : CalibrationRecord or None
        How the constants came about that were fitted.
    """

    name: Text
    description: Text
    source: Text
    scheduler_threads: Count
    local_capacity: _Limit
    lookup_cap: _Limit
    rings: Count
    task_window: _Limit
    heap_bytes: _Limit
    output_alignment_bytes: Count
    dep_pool_entries: _Limit
    tensormap_entries: _Limit
    deferred_releases: Count
    rules: Rules
    dispatch_order: DispatchOrder
    costs: Costs
    profiling: ProfilingCosts
    calibration: CalibrationRecord | None = None

    @property
    def lookup_limit(self) -> int | None:
        """Most producers that one lookup returns, or None."""
        return self.lookup_cap or None

    def ring(self, scope_depth: int) -> int:
        """Return the number of the task ring that serves submits at `scope_depth`."""
        return min(scope_depth, self.rings - 1)

    def shape_order(self, thread: int) -> tuple[Shape, Shape, Shape]:
        """Order in which scheduler thread number `thread` serves the shapes."""
        return self.dispatch_order.odd if thread % 2 else self.dispatch_order.even


def own_keys(name: str) -> set[str]:
    """Dotted keys that the description of a version says itself; the others are its base's."""
    return differing_keys(_FOLDER / f"{name}.toml")


def available_runtimes() -> list[str]:
    """Names that `load_runtime` knows."""
    return names(_FOLDER)


def load_runtime(name: str | Path) -> RuntimeVersion:
    """Read a version of the runtime by its name or from the path of a ``.toml`` file.

    Raises
    ------
    InputError
        No version has that name, or the file does not describe one.
    """
    return load_named("runtime", name, _FOLDER, RuntimeVersion)
