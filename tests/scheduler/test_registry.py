"""Policies by name, and what is said to those who misname them."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from devices.errors import InputError
from scheduler.policies import CriticalPath, RandomOrder
from scheduler.policy import ListPolicy, full_name
from scheduler.registry import POLICIES, make_policy, split_policies


@dataclass
class Options(ListPolicy):
    """A policy with a parameter of every type."""

    name: ClassVar[str] = "options"
    eager: bool = False
    depth: int = 2
    weight: float = 0.5
    mode: str = "near"


KNOWN = {"options": Options}


def refusal(text, **options):
    with pytest.raises(InputError) as error:
        make_policy(text, **options)
    return str(error.value)


# Names that are good


def test_the_policies_that_come_with_it():
    assert list(POLICIES) == [
        "runtime",
        "fifo",
        "lifo",
        "critical-path",
        "longest-first",
        "shortest-first",
        "most-successors",
        "heft",
        "peft",
        "locality",
        "work-stealing",
        "random",
    ]


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_is_made_from_its_name(name):
    policy = make_policy(name)
    assert type(policy) is POLICIES[name]
    assert policy.name == full_name(policy) == name
    assert policy.decision_us == 0.0


@pytest.mark.parametrize("before", ["", "decision_us=0,"])
@pytest.mark.parametrize("after", ["", ","])
@pytest.mark.parametrize("written", ["seed=3", " seed = 3 "])
def test_parameters_are_separated_by_commas(before, written, after):
    assert make_policy(f"random[{before}{written}{after}]") == RandomOrder(seed=3)


@pytest.mark.parametrize("text", ["random[seed=3]", " random [seed=3] "])
def test_parameters_stand_in_brackets(text):
    assert make_policy(text) == RandomOrder(seed=3)


@pytest.mark.parametrize("text", ["critical-path", "critical-path[]", "critical-path[ ]"])
def test_parameters_may_be_left_out(text):
    assert make_policy(text) == CriticalPath()


def test_values_are_read_by_the_type_of_the_default():
    policy = make_policy("options[eager=True,depth=-3,weight=1e-3,mode=far away]", KNOWN)
    assert policy == Options(eager=True, depth=-3, weight=0.001, mode="far away")
    assert make_policy("options[eager=false,weight=2]", KNOWN) == Options(weight=2.0)


def test_a_plain_function_may_make_a_policy_that_takes_no_parameters():
    known = {"mine": lambda: RandomOrder(9)}
    assert make_policy("mine", known) == RandomOrder(9)
    assert refusal("mine[seed=3]", known=known).startswith(
        "unknown parameter of policy mine 'seed'"
    )


# Names that are not


def test_an_unknown_policy_is_answered_with_the_nearest():
    message = refusal("critcal-path")
    assert message.startswith("unknown policy 'critcal-path'; did you mean critical-path?")
    assert message.endswith(f"(known: {', '.join(sorted(POLICIES))})")


def test_a_policy_that_is_like_none_is_answered_with_all():
    message = refusal("xyz")
    assert message == f"unknown policy 'xyz' (known: {', '.join(sorted(POLICIES))})"


def test_an_unknown_parameter_is_answered_with_the_nearest():
    assert refusal("random[sed=3]") == (
        "unknown parameter of policy random 'sed'; did you mean seed? (known: decision_us, seed)"
    )
    assert refusal("fifo[seed=3]") == (
        "unknown parameter of policy fifo 'seed' (known: decision_us)"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("random[seed=x]", "policy random: seed is of type int (default 0), not 'x'"),
        ("random[seed=]", "policy random: seed is of type int (default 0), not ''"),
        ("random[seed=1.5]", "policy random: seed is of type int (default 0), not '1.5'"),
        ("fifo[decision_us=-0.5]", "policy fifo: decision_us is from 0 to 1e+06, not -0.5"),
        ("fifo[decision_us=-inf]", "policy fifo: decision_us is from 0 to 1e+06, not -inf"),
        ("fifo[decision_us=1e7]", "policy fifo: decision_us is from 0 to 1e+06, not 10000000.0"),
        ("random[seed=3,seed=3]", "policy random: seed is given twice"),
        ("random[seed]", "policy random: a parameter is written as name=value, not 'seed'"),
        ("random[3]", "policy random: a parameter is written as name=value, not '3'"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_refused(text, message):
    assert refusal(text) == message


@pytest.mark.parametrize("value", ["x", "nan", "inf", ""])
def test_a_time_that_is_no_number_is_refused(value):
    message = f"policy fifo: decision_us is of type float (default 0.0), not {value!r}"
    assert refusal(f"fifo[decision_us={value}]") == message


def test_a_flag_that_is_neither_true_nor_false_is_refused():
    message = "policy options: eager is of type bool (default False), not 'yes'"
    assert refusal("options[eager=yes]", known=KNOWN) == message


@pytest.mark.parametrize(
    "text", ["", "[seed=3]", "random[seed=3", "random seed=3]", "random[seed=3]]", "random[a=1]b"]
)
def test_what_is_no_name_is_refused(text):
    assert refusal(text) == f"a policy is named as in random[seed=3], not {text!r}"


# Several names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("fifo", ["fifo"]),
        ("fifo,heft", ["fifo", "heft"]),
        (" fifo , heft ", ["fifo", "heft"]),
        ("random[seed=1,decision_us=2],fifo", ["random[seed=1,decision_us=2]", "fifo"]),
        ("fifo,random[seed=1,decision_us=2]", ["fifo", "random[seed=1,decision_us=2]"]),
        ("a[b=1,c=2],d[e=3,f=4]", ["a[b=1,c=2]", "d[e=3,f=4]"]),
        ("fifo,,heft", ["fifo", "", "heft"]),
    ],
)
def test_names_are_split_at_commas_outside_brackets(text, names):
    assert split_policies(text) == names


# Names of policies


def test_a_full_name_has_what_is_not_at_its_default():
    assert full_name(RandomOrder(seed=3)) == "random[seed=3]"
    assert full_name(RandomOrder(seed=3, decision_us=0.25)) == "random[decision_us=0.25,seed=3]"
    assert full_name(RandomOrder()) == "random"


def test_a_policy_that_is_no_dataclass_has_its_name_alone():
    class Plain:
        name = "plain"

    assert full_name(Plain()) == "plain"


@pytest.mark.parametrize(
    "policy",
    [
        RandomOrder(seed=12, decision_us=0.125),
        CriticalPath(decision_us=1e-5),
        Options(eager=True, depth=9, weight=0.75, mode="far"),
    ],
    ids=full_name,
)
def test_a_full_name_makes_the_same_policy_again(policy):
    assert make_policy(full_name(policy), {**POLICIES, **KNOWN}) == policy
