"""Policies that the command line names: those that come with tilesim, and the user's own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from sys import modules
from traceback import extract_tb
from types import ModuleType

from devices.errors import InputError, unknown_name
from scheduler.policy import ListPolicy, Policy, full_name
from scheduler.registry import POLICIES, build_policy, make_policy, split_policies

__all__ = [
    "ENTRY_POINTS",
    "failed_in_policy",
    "forget_policies",
    "policy_names",
    "read_policies",
    "read_policy",
]

ENTRY_POINTS = "tilesim.policies"
"""Group of entry points under which other packages offer policies."""

_IN_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>\w+)(?:\[(?P<parameters>[^\[\]]*)\])?")
_NEEDED = (
    "name",
    "decision_us",
    "fills_local_buffers",
    "names_cores",
    "prepare",
    "core",
    "core_queue",
    "cluster_queue",
    "queues",
)

_foreign: list[str] = []
"""Files of the policies that are not tilesim's."""


def policy_names() -> list[str]:
    """Names of tilesim's policies and of those that installed packages offer."""
    offered = [offer.name for offer in entry_points(group=ENTRY_POINTS)]
    return [*POLICIES, *(name for name in offered if name not in POLICIES)]


def read_policies(text: str) -> list[Policy]:
    """Read several policies, separated by commas.

    Raises
    ------
    InputError
        As `read_policy`; or a policy is named twice.
    """
    forget_policies()
    policies = [read_policy(name) for name in split_policies(text)]
    names = [full_name(policy) for policy in policies]
    if len(set(names)) < len(names):
        raise InputError(f"--policy names a policy twice: {text!r}")
    return policies


def read_policy(text: str) -> Policy:
    """Read one policy: a name, or ``FILE.py:CLASS``, whose file is run; parameters in brackets.

    Raises
    ------
    InputError
        There is no such policy, file or class; the file fails; the class is no policy; or a
        parameter does not fit.
    """
    in_file = _IN_FILE.fullmatch(text.strip())
    if in_file is not None:
        module = _run_file(Path(in_file["file"]))
        kind = getattr(module, in_file["name"], None)
        if kind is None:
            raise InputError(f"{in_file['file']}: has no {in_file['name']}")
        return _checked(kind, in_file["name"], in_file["parameters"] or "", in_file["file"])
    name, _, rest = text.strip().partition("[")
    if name.endswith(".py"):
        raise InputError(f"a policy in a file is named as in {name}:CLASS, not {text!r}")
    if name in POLICIES:
        return make_policy(text)
    for offer in entry_points(group=ENTRY_POINTS):
        if offer.name == name:
            return _checked(_loaded(offer), name, rest.removesuffix("]"), offer.value)
    raise unknown_name("policy", name, policy_names())


def forget_policies() -> None:
    """Run files of policies anew from now on."""
    _foreign.clear()


def failed_in_policy(error: BaseException) -> InputError | None:
    """What to tell of an error that a user's policy made, or that came up while it ran."""
    what = f"{type(error).__name__}: {error}"
    for frame in reversed(extract_tb(error.__traceback__)):
        if frame.filename in _foreign:
            where = f"{frame.filename}:{frame.lineno}"
            return InputError(f"{where}: policy fails in {frame.name}: {what}")
    if _foreign and not isinstance(error, OSError):
        return InputError(f"the run fails with the policy of {', '.join(_foreign)}: {what}")
    return None


def _loaded(offer: EntryPoint) -> Callable[..., Policy]:
    try:
        kind: Callable[..., Policy] = offer.load()
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(
            f"policy {offer.name} cannot be loaded from {offer.value}: {what}"
        ) from error
    module = modules.get(getattr(kind, "__module__", ""))
    _foreign.append(str(getattr(module, "__file__", offer.value)))
    return kind


def _checked(kind: Callable[..., Policy], name: str, parameters: str, origin: str) -> Policy:
    """Make the policy of a foreign class, and see that it is one."""
    if not isinstance(kind, type):
        raise InputError(f"{origin}: {name} is no class")
    for parameter in fields(kind) if is_dataclass(kind) else ():
        if getattr(kind, parameter.name, parameter.default) != parameter.default:
            raise InputError(
                f"{origin}: {name} sets {parameter.name} without a type, so it has no effect; "
                f"write {parameter.name}: {type(parameter.default).__name__} = ... and @dataclass"
            )
    policy: Policy = build_policy(kind, name, parameters)
    missing = [part for part in _NEEDED if not hasattr(policy, part)]
    if missing:
        raise InputError(
            f"{origin}: {name} is no policy: it has no {', '.join(missing)}; "
            "derive it from tilesim.ListPolicy"
        )
    if policy.name == ListPolicy.name:  # it has none of its own
        type(policy).name = name
    return policy


def _run_file(file: Path) -> ModuleType:
    """Run a Python file as a module of its own, once for all policies of a command."""
    path = str(file.resolve())
    name = f"tilesim_policy_{hashlib.sha256(path.encode()).hexdigest()[:12]}"
    if name in modules and path in _foreign:
        return modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not file.is_file():
        raise InputError(f"{file}: is no Python file that can be read")
    module = module_from_spec(spec)
    modules[name] = module  # dataclasses look their module up
    _foreign.append(path)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del modules[name]
        raise InputError(f"{file}: fails: {type(error).__name__}: {error}") from error
    return module
