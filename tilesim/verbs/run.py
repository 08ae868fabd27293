"""The verb run: a program file, as it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from devices.errors import InputError
from tilesim.options import split_settings
from tilesim.verbs.check import check_workload
from tilesim.verbs.explain import explain_workload
from tilesim.verbs.replay import replay_workload
from tilesim.verbs.whatif import ask_what_if
from workloads.program_files import is_program_file

__all__ = ["run_file"]

_Verb = Callable[..., None]
_VERBS: dict[str, _Verb] = {
    "replay": replay_workload,
    "check": check_workload,
    "explain": explain_workload,
    "whatif": ask_what_if,
}


def _parameters(verb: _Verb) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(verb).parameters


def _own() -> dict[str, str]:
    """The verb of each option that only one of them has, replay's aside."""
    shared = set(_parameters(replay_workload))
    return {
        option: name
        for name, verb in _VERBS.items()
        for option in _parameters(verb)
        if option not in shared
    }


def _chosen(values: Mapping[str, Any]) -> str:
    """The verb whose options are given; replay where there are none.

    Raises
    ------
    InputError
        There are options of several verbs.
    """
    given = {
        name
        for option, name in _own().items()
        if values[option] != _parameters(_VERBS[name])[option].default
    }
    if len(given) > 1:
        raise InputError(
            f"there are options of {' and of '.join(sorted(given))}; run takes those of one, or "
            "say which with --as"
        )
    return given.pop() if given else "replay"


def _given(values: Mapping[str, Any]) -> list[str]:
    """The options that have another value than by default."""
    defaults = {n: p.default for verb in _VERBS.values() for n, p in _parameters(verb).items()}
    return [n for n, value in values.items() if n in defaults and value != defaults[n]]


def _run(**values: Any) -> None:
    """Execute a program file written for pypto.language, and run its program in simulated time.

    The file is executed as it is, with stand-ins for the pypto modules that it imports. Options
    of check, explain and whatif do what these verbs do; all verbs take files, too.

    Examples: `tilesim run scope3.py`, `tilesim run scope3.py --call build_program --set
    batch=32 --input seq_lens=4096`, `tilesim run scope3.py --order adversarial`,
    `tilesim run scope3.py --as explain -- --small`
    """
    wanted = values.pop("verb")
    if wanted is not None and wanted not in _VERBS:
        raise InputError(f"--as takes {', '.join(_VERBS)}, not {wanted!r}")
    files, _ = split_settings(values["workload"], [])
    for file in files:
        if not is_program_file(file):
            raise InputError(
                f"run takes a program file, FILE.py or REVISION:FILE.py, not {file!r}; "
                "replay takes workloads by name"
            )
    name = wanted or _chosen(values)
    verb = _VERBS[name]
    lost = [option for option in _given(values) if option not in _parameters(verb)]
    if lost:
        options = ", ".join(f"--{option.replace('_', '-')}" for option in lost)
        raise InputError(f"{name} does not take {options}; leave it out, or name another --as")
    verb(**{name: values[name] for name in _parameters(verb)})


def _with_all_options(command: _Verb) -> _Verb:
    """`command` with the options of all verbs, which are told by their names."""
    parameters = dict(_parameters(replay_workload))
    for verb in _VERBS.values():
        parameters |= {n: p for n, p in _parameters(verb).items() if n not in parameters}
    which = typer.Option(
        "--as", metavar="|".join(_VERBS), help="What to do.", show_default="by the options"
    )
    parameters["verb"] = inspect.Parameter(
        "verb",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, which],
    )
    command.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]  # typer reads it
    command.__annotations__ = {p.name: p.annotation for p in parameters.values()}
    return command


run_file = _with_all_options(_run)
