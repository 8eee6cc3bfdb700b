"""Studies: what is refused, what determines a population, where seeds come from."""

import hashlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticUndefined

from forgetting import paths, study
from forgetting.data.spec import Cifar10Data, PlantedData, derive_seed
from forgetting.errors import UserError


def variant(tmp_path, **changes):
    """The path of the smoke study with `changes`."""
    said = yaml.safe_load((paths.studies / "smoke.yml").read_text()) | changes
    path = tmp_path / "own.yml"
    path.write_text(yaml.safe_dump(said))
    return path


@pytest.mark.parametrize("name", study.study_names())
def test_every_study_of_the_project_loads_and_is_called_as_its_file(name):
    assert study.load_study(name).name == name


def test_a_study_of_the_users_own_is_found_by_its_path(tmp_path):
    assert study.load_study(variant(tmp_path, name="mine")).name == "mine"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": {"pruned": [1.0]}}, ["settings.pruned.0", "1.0", "less than 1"]),
        ({"settings": {"pruned": [0.5, 0.5]}}, ["pruned", "twice"]),
        ({"settings": {"quantized": ["int4"]}}, ["int4", "float16"]),
        ({"members": 0}, ["members", "0", "greater than or equal to 2"]),
        ({"members": "30"}, ["members", "'30'", "integer"]),
        ({"trainnig": {}}, ["trainnig", "did you mean 'training'"]),
        ({"pruning": {"strat": 0.1}}, ["pruning.strat", "did you mean 'start'"]),
        ({"pruning": {"start": 0.9, "end": 0.2}}, ["0.9", "0.2"]),
        ({"data": {"name": "cifar"}}, ["data.name", "'cifar'", "digits", "did you mean 'cifar10'"]),
        ({"data": {}}, ["data.name", "None", "digits"]),
        ({"data": {"name": "digits", "holdot": 3}}, ["data.holdot", "did you mean 'holdout'"]),
        ({"data": {"name": "cifar10", "train_images": 1}}, ["data.train_images is 1", "100"]),
        (
            {"network": {"name": "small-cnn", "whitened": True}},
            ["whitened", "wide-resnet", "small-cnn"],
        ),
        ({"network": {"name": "vgg"}}, ["network.name", "'vgg'", "resnet-18"]),
    ],
)
def test_a_wrong_study_is_refused_in_one_line_that_names_key_value_and_what_is_allowed(
    tmp_path, changes, words
):
    with pytest.raises(UserError) as refused:
        study.load_study(variant(tmp_path, **changes))
    assert "\n" not in str(refused.value)
    assert all(word in str(refused.value) for word in words)


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "a: [", "\x00"])
def test_a_file_that_is_no_study_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "own.yml"
    path.write_text(text)
    with pytest.raises(UserError) as refused:
        study.load_study(path)
    assert "\n" not in str(refused.value)


def test_an_unknown_study_is_answered_with_those_there_are_and_the_nearest():
    with pytest.raises(UserError, match="did you mean 'digits'"):
        study.load_study("digit")


def test_adding_a_level_or_a_member_changes_no_other_population():
    one = study.load_study("smoke")
    more = one.with_changes(members=9, sparsities=(0.42,))
    assert {one.population_name(s) for s in one.populations} == {
        more.population_name(s) for s in more.populations if s.name != "pruned-0.42"
    }


def test_each_population_of_a_study_has_a_name_of_its_own():
    one = study.load_study("digits")
    assert len({one.population_name(s) for s in one.populations}) == len(one.populations)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"training": {"epochs": 9, "batch": 32}},
        {"data": {"name": "digits", "seed": 1}},
    ],
)
def test_what_determines_the_members_changes_the_population(tmp_path, change):
    one, other = study.load_study("smoke"), study.load_study(variant(tmp_path, **change))
    assert all(one.population_name(s) != other.population_name(s) for s in one.populations)


def test_the_pruning_schedule_matters_to_pruned_populations_only(tmp_path):
    one, other = (
        study.load_study("smoke"),
        study.load_study(variant(tmp_path, pruning={"every": 5})),
    )
    changed = {
        s.kind for s in one.populations if one.population_name(s) != other.population_name(s)
    }
    assert changed == {"pruned"}


def test_a_quantized_population_knows_the_dense_one_it_is_made_from():
    one = study.load_study("digits")
    parents = {s.name: s.parent for s in one.populations if s.kind == "quantized"}
    assert parents["fixed-int8-of-dense-again"] == "dense-again"
    assert {s.parent for s in one.populations if s.kind != "quantized"} == {None}


@given(st.integers(0, 9), st.text(max_size=5), st.integers(0, 99))
def test_seeds_depend_on_study_setting_and_member_and_on_nothing_else(number, setting, member):
    assert derive_seed(number, setting, member) == derive_seed(number, setting, member)
    others = {
        derive_seed(number + 1, setting, member),
        derive_seed(number, setting + "x", member),
        derive_seed(number, setting, member + 1),
    }
    assert derive_seed(number, setting, member) not in others
    assert 0 <= derive_seed(number, setting, member) < 2**63


def test_a_populations_name_says_all_but_the_defaults_and_those_are_pinned_to_the_format_version():
    """A default that is changed changes what a name means: raise FORMAT_VERSION. A new field does not: only renew this digest."""
    blocks = (
        PlantedData,
        Cifar10Data,
        study.Network,
        study.Training,
        study.Pruning,
        study.Setting,
    )
    defaults = {
        f"{block.__name__}.{key}": field.default
        for block in blocks
        for key, field in block.model_fields.items()
    }
    text = "\n".join(
        f"{key} {value!r}"
        for key, value in sorted(defaults.items())
        if value is not PydanticUndefined
    )
    assert (study.FORMAT_VERSION, hashlib.sha256(text.encode()).hexdigest()[:12]) == (
        3,
        "7a9e7d4d0591",
    )
