"""Studies: what is refused, what determines a population, where seeds come from."""

import hashlib
import json
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from forgetting import paths, study
from forgetting.data.spec import (
    CelebAData,
    Cifar10Data,
    FairFaceData,
    NumbersData,
    PlantedData,
    TintedData,
    derive_seed,
)
from forgetting.errors import UserError


def variant(tmp_path, **changes):
    """The path of the smoke study with `changes`."""
    content = yaml.safe_load((paths.studies / "smoke.yml").read_text()) | changes
    path = tmp_path / "own.yml"
    path.write_text(yaml.safe_dump(content))
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
        ({"settings": {"pruned": [0.9, 0.90000001]}}, ["0.90000001 has more digits", "six"]),
        ({"settings": {"pruned": [0.9999999999]}}, ["0.9999999999 has more digits", "six"]),
        (
            {"settings": {"pruned": [0.9], "predict_training": ["dense", "prunned-0.9"]}},
            ["settings.predict_training", "'prunned-0.9'", "did you mean 'pruned-0.9'"],
        ),
        ({"settings": {"predict_training": ["0.9"]}}, ["settings.predict_training", "'0.9'"]),
        ({"members": 0}, ["members", "0", "greater than or equal to 2"]),
        ({"members": "30"}, ["members", "'30'", "integer"]),
        ({"trainnig": {}}, ["trainnig", "did you mean 'training'"]),
        ({"pruning": {"strat": 0.1}}, ["pruning.strat", "did you mean 'start'"]),
        ({"pruning": {"start": 0.9, "end": 0.2}}, ["0.9", "0.2"]),
        ({"data": {"name": "cifar"}}, ["data.name", "'cifar'", "digits", "did you mean 'cifar10'"]),
        ({"data": {}}, ["data.name", "None", "digits"]),
        ({"data": {"name": "tinted", "bias": 1.5}}, ["data.bias is 1.5", "1"]),
        ({"data": {"name": "tinted", "target": list(range(10))}}, ["target is", "one to nine"]),
        ({"data": {"name": "tinted", "target": [8, 8]}}, ["target is [8, 8]", "each once"]),
        ({"data": {"name": "tinted", "target": [10]}}, ["data.target", "10", "9"]),
        ({"data": {"name": "digits", "holdot": 3}}, ["data.holdot", "did you mean 'holdout'"]),
        ({"data": {"name": "cifar10", "train_images": 1}}, ["data.train_images is 1", "100"]),
        (
            {"network": {"name": "small-cnn", "whitened": True}},
            ["whitened", "wide-resnet", "small-cnn"],
        ),
        ({"data": {"name": "celeba", "fold": 2}}, ["data.fold", "2", "0"]),
        ({"data": {"name": "celeba", "split": "own"}}, ["data.split", "'own'", "official"]),
        (
            {"data": {"name": "celeba", "split": "official", "fold": 0}},
            ["no folds", "leave out fold"],
        ),
        ({"network": {"name": "vgg"}}, ["network.name", "'vgg'", "resnet-18"]),
        ({"network": {"name": "small-cnn", "weights": "a.pth"}}, ["torchvision's", "small-cnn"]),
        ({"training": {"batch": 8}}, ["training", "either epochs or steps"]),
        ({"training": {"epochs": 2, "steps": 9}}, ["training", "either epochs or steps"]),
        (
            {"training": {"steps": 9, "batch": 8, "micro_batch": 3}},
            ["micro_batch (3) must divide batch (8)"],
        ),
        (
            {"training": {"steps": 9, "batch": 8, "micro_batch": 4}},
            ["training.micro_batch 4 needs streamed data", "leave it out"],
        ),
        (
            {"training": {"epochs": 9, "augmentation": "resized-crop-flip"}},
            ["training.augmentation 'resized-crop-flip' needs streamed data"],
        ),
        ({"training": {"epochs": 9, "decay_norms": False}}, ["training.decay_norms False needs"]),
        (
            {
                "data": {"name": "imagenet", "streamed": True},
                "training": {"epochs": 9, "augmentation": "crop"},
                "settings": {},
            },
            ["training.augmentation 'crop' needs images that are held in memory"],
        ),
        (
            {"data": {"name": "imagenet", "streamed": True}, "settings": {"selectors": 2}},
            ["settings.selectors 2 needs images that are held in memory"],
        ),
        ({"training": {"epochs": 9, "drop_factor": 1.0}}, ["training.drop_factor is 1.0", "1"]),
        (
            {"data": {"name": "tinted"}, "settings": {"remedies": ["distiled"]}},
            ["settings.remedies.0 is 'distiled'", "'distilled'", "'cell-weights'"],
        ),
        ({"settings": {"remedies": ["distilled", "distilled"]}}, ["remedies names", "twice"]),
        (
            {"settings": {"remedies": ["cell-weights"]}},
            ["cell-weights needs groups", "'tint'", "data digits", "only distilled"],
        ),
        (
            {
                "data": {"name": "tinted"},
                "constraint": {"attribute": "hue"},
                "settings": {"remedies": ["group-constrained"]},
            },
            ["group-constrained needs groups", "'hue'", "allowed: tint, frame"],
        ),
        (
            {"data": {"name": "tinted-joint"}, "settings": {"remedies": ["distilled"]}},
            ["remedy distilled", "several tasks", "leave settings.remedies out"],
        ),
        ({"weighting": {"cap": -1.0}}, ["weighting.cap is -1.0", "greater than 0"]),
        ({"distillation": {"soft": -0.1}}, ["distillation.soft is -0.1", "0"]),
        ({"constraint": {"rate": 0.0}}, ["constraint.rate is 0.0", "greater than 0"]),
        ({"constraint": {"tolerence": 0.1}}, ["did you mean 'tolerance'"]),
    ],
)
def test_a_wrong_study_is_refused_in_one_line_that_names_key_value_and_what_is_allowed(
    tmp_path, changes, words
):
    with pytest.raises(UserError) as refused:
        study.load_study(variant(tmp_path, **changes))
    assert "\n" not in str(refused.value)
    assert all(word in str(refused.value) for word in words)


def blocks_of(model):
    """Every kind of block that a study may have, itself among them."""
    yield model
    for field in model.model_fields.values():
        for kind in (field.annotation, *get_args(field.annotation)):
            if hasattr(kind, "model_fields"):
                yield from blocks_of(kind)


@pytest.mark.parametrize("block", dict.fromkeys(blocks_of(study.Study)), ids=lambda b: b.__name__)
@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_no_number_of_a_study_may_be_infinite_or_none(block, value):
    for name, field in block.model_fields.items():
        if float in (field.annotation, *get_args(field.annotation)):
            with pytest.raises(ValidationError) as refused:
                block.model_validate({name: value})
            assert name in [error["loc"][0] for error in refused.value.errors()]


@given(st.floats(0, 1, exclude_max=True))
def test_two_levels_of_sparsity_have_two_names_or_one_is_refused(sparsity):
    rounded = float(f"{sparsity:g}")
    if sparsity == rounded:
        assert study.pruned_setting(sparsity).name == f"pruned-{abs(sparsity):g}"
    else:
        with pytest.raises(UserError, match="more digits than the name of its population"):
            study.pruned_setting(sparsity)


def test_a_level_of_minus_nothing_is_that_of_nothing(tmp_path):
    (level,) = study.load_study(variant(tmp_path, settings={"pruned": [-0.0]})).settings.pruned
    assert study.pruned_setting(-0.0).name == study.pruned_setting(level).name == "pruned-0"


def test_a_value_that_contains_itself_is_refused_in_one_line(tmp_path):
    path = variant(tmp_path)
    path.write_text(path.read_text() + "pages: &all\n  common: *all\n")
    with pytest.raises(UserError, match="is not YAML .*contains itself"):
        study.load_study(path)


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "a: [", "\x00"])
def test_a_file_that_is_no_study_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "own.yml"
    path.write_text(text)
    with pytest.raises(UserError) as refused:
        study.load_study(path)
    assert "\n" not in str(refused.value)


def test_a_number_may_have_an_exponent_and_a_key_that_is_given_twice_is_refused(tmp_path):
    path = variant(tmp_path)
    text = path.read_text()
    assert "weight_decay" not in text
    path.write_text(text.replace("training:\n", "training:\n  weight_decay: 5e-4\n"))
    assert study.load_study(path).training.weight_decay == 5e-4
    path.write_text(f"{text}members: 9\n")
    with pytest.raises(UserError, match="the key 'members' is given twice, in lines"):
        study.load_study(path)


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


def remedied(tmp_path, **changes):
    """A study with every remedy, and with `changes`."""
    settings = {"pruned": [0.9], "remedies": list(study.REMEDIES)}
    return study.load_study(
        variant(tmp_path, **{"data": {"name": "tinted"}, "settings": settings} | changes)
    )


def test_a_remedy_has_dense_networks_and_every_level_of_its_own_and_changes_no_other(tmp_path):
    one = remedied(tmp_path)
    plain = remedied(tmp_path, settings={"pruned": [0.9]})
    names = [setting.name for setting in one.populations]
    for remedy in study.REMEDIES:
        assert {f"{remedy}-dense", f"{remedy}-pruned-0.9"} <= set(names)
        assert one.setting(f"{remedy}-pruned-0.5").sparsity == 0.5
        assert one.setting(f"{remedy}-pruned-0.5").remedy == remedy
    for setting in plain.populations:
        assert one.population_name(setting) == plain.population_name(setting)
    assert len({one.population_name(s) for s in one.populations}) == len(names)


@pytest.mark.parametrize(
    ("change", "remedies"),
    [
        ({"weighting": {"cap": 9.0}}, {"group-weights", "cell-weights"}),
        ({"distillation": {"soft": 0.5}}, {"distilled"}),
        ({"constraint": {"rate": 0.5}}, {"group-constrained", "cell-constrained"}),
        # Multipliers begin where masks end, in dense networks too.
        ({"pruning": {"end": 0.5}}, {"group-constrained", "cell-constrained"}),
    ],
)
def test_a_change_of_how_a_remedy_is_done_renames_its_populations_alone(tmp_path, change, remedies):
    one, other = remedied(tmp_path), remedied(tmp_path, **change)
    renamed = {
        s.remedy
        for s in one.populations
        if s.kind == "dense" and one.population_name(s) != other.population_name(s)
    }
    assert renamed == remedies


def test_the_networks_beside_those_with_remedies_are_those_of_the_study_without(tmp_path):
    one, plain = study.load_study("tinted-remedies"), study.load_study("tinted")
    for name in ("dense", "dense-again", "pruned-0.9", "pruned-0.95"):
        assert one.population_name(one.setting(name)) == plain.population_name(plain.setting(name))


def test_a_study_may_let_only_its_first_members_predict_corrupted_images():
    every = study.load_study("smoke")
    settings = every.settings.model_copy(update={"corrupted_members": 2})
    few = every.model_copy(update={"settings": settings})
    assert every.members > 2
    for setting in every.populations:
        assert few.population_name(setting) == every.population_name(setting)
        assert set(every.files(setting)) - set(few.files(setting)) == {
            (member, part)
            for member, part in every.files(setting)
            if part == "corrupted" and member >= 2
        }
        for part in every.parts(setting):
            members = [member for member, other in few.files(setting) if other == part]
            assert members == list(range(few.size(setting, part)))


def test_a_quantized_population_knows_the_dense_one_it_is_made_from():
    one = study.load_study("digits")
    parents = {s.name: s.parent for s in one.populations if s.kind == "quantized"}
    assert parents["fixed-int8-of-dense-again"] == "dense-again"
    assert {s.parent for s in one.populations if s.kind != "quantized"} == {None}


@pytest.mark.parametrize("level", ["1.0", "-0.1", "1.5", "nan", "1e3"])
def test_a_level_that_cannot_be_pruned_is_refused_as_such_where_it_stands_in_a_name(level):
    with pytest.raises(UserError, match=r"sparsity .* is not allowed.*below 1"):
        study.load_study("smoke").setting(f"pruned-{level}")


def test_a_level_that_the_study_does_not_list_is_a_setting_and_what_is_no_number_is_not():
    one = study.load_study("smoke")
    assert one.setting("pruned-0.42").sparsity == 0.42
    with pytest.raises(UserError, match="'pruned-half' is not in study smoke"):
        one.setting("pruned-half")


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
    """A default that is changed changes what a name means: raise FORMAT_VERSION.

    A new field does not: only renew this digest.
    """
    blocks = (
        PlantedData,
        Cifar10Data,
        TintedData,
        NumbersData,
        FairFaceData,
        CelebAData,
        study.Network,
        study.Training,
        study.Pruning,
        study.Weighting,
        study.Distillation,
        study.Constraint,
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
        "a4d49bb27475",
    )


# The names of all populations as of commit c8f7272: predictions are found by them.
POPULATIONS = {
    "digits": """
        dense-df52df4e81a5 dense-again-5b6820f1cf31 pruned-0.3-e04df7670127
        pruned-0.5-5a0d70757e54 pruned-0.7-ba6a27cf08e2 pruned-0.9-2805af76838a
        pruned-0.95-3bad8dc4f87f pruned-0.98-ca2b65f4c38b float16-of-dense-cf94241e8155
        float16-of-dense-again-0c3afc6663fc dynamic-int8-of-dense-a86ea9da2547
        dynamic-int8-of-dense-again-716cc6d91822 fixed-int8-of-dense-cdc424b39314
        fixed-int8-of-dense-again-203847c6edfc selectors-a96d888c0781
        """,
    "cifar10-narrow": """
        dense-a5f9a1da5e3a dense-again-074c83a0931a pruned-0.5-9e67ec06dce9
        pruned-0.9-8a26bf55eacf pruned-0.95-6900394835f0 float16-of-dense-c02c1c313c87
        float16-of-dense-again-68514b4ce0bc dynamic-int8-of-dense-5d5e7a43e094
        dynamic-int8-of-dense-again-6bc1c93e7133 fixed-int8-of-dense-f16e0279eb90
        fixed-int8-of-dense-again-7c4fc0a27945
        """,
    "tinted": """
        dense-023822c5bd3d dense-again-f4eb5758a974 pruned-0.5-f1d9f482745f
        pruned-0.7-2c2f201a246f pruned-0.9-685e0d1ffe72 pruned-0.95-5be9cc02b357
        pruned-0.98-f055ada040d7 float16-of-dense-92945562e57f
        float16-of-dense-again-b8bf0eb459b8 dynamic-int8-of-dense-351abb87c36f
        dynamic-int8-of-dense-again-3ccb5f78c325 fixed-int8-of-dense-b6677242816a
        fixed-int8-of-dense-again-dddd9c9b7572
        """,
    "numbers": """
        dense-feccfeeea6e8 dense-again-4344090800a2 pruned-0.3-ab30440d7081
        pruned-0.5-5cf2df1b834f pruned-0.7-07144c7a22b9 pruned-0.9-8a3123dee513
        pruned-0.95-4ae7f0980b27 float16-of-dense-7fc1aaa13e01
        float16-of-dense-again-4140b93985db dynamic-int8-of-dense-18d1c2d869f3
        dynamic-int8-of-dense-again-2a0e980080c2 fixed-int8-of-dense-bc7c6b405996
        fixed-int8-of-dense-again-7c6ed7ee1d13
        """,
    "tinted-joint": """
        dense-2cd6dbe233e3 dense-again-c5965cdeef6c pruned-0.8-2e15e28fa014
        pruned-0.9-57f9be2a8a6c pruned-0.95-d9a364fa3bb2 pruned-0.98-057e54ffd10c
        """,
    "smoke": """
        dense-15256248b688 dense-again-9323f9a7ffad pruned-0.9-65f35be7c524
        pruned-0.98-1dcd4c79dae8 float16-of-dense-c99900c4abae
        float16-of-dense-again-3146cca3572d dynamic-int8-of-dense-1eaa3506f8f5
        dynamic-int8-of-dense-again-734bf61c6042 fixed-int8-of-dense-24a390c2e157
        fixed-int8-of-dense-again-bf2f2fe24654 selectors-ad233382b965
        """,
}
CNN = '"network": {"channels": [16, 16, 32], "name": "small-cnn", "strides": [4, 2, 2]}'
TRAINING = '"training": {"batch": 128, "epochs": 12, "rate": 0.2}'
WIDE = '"network": {"name": "wide-resnet", "stem": [4, 2], "whitened": true}'
AUGMENTED = (
    '"training": {"augmentation": "crop-flip", "batch": 128, "epochs": 8, "label_smoothing": 0.1, '
    '"rate": 0.3, "warm_up": 0.2}'
)
SMOKE = (
    '{"data": {"corrupted_images": 60, "holdout": 300, "name": "digits", "test_flawed": 60, '
    '"test_per_class": 40, "train_largest": 60, "train_smallest": 20}, "format_version": 3, '
)
TEXTS = {
    ("digits", "dense"): '{"data": {"name": "digits"}, "format_version": 3, '
    f'{CNN}, "seed": 0, "setting": {{"kind": "dense", "name": "dense"}}, {TRAINING}}}',
    ("digits", "pruned-0.9"): '{"data": {"name": "digits"}, "format_version": 3, '
    f'{CNN}, "pruning": {{"end": 0.6, "start": 0.1}}, "seed": 0, "setting": {{"kind": "pruned", '
    f'"name": "pruned-0.9", "sparsity": 0.9}}, {TRAINING}}}',
    ("digits", "selectors"): '{"data": {"name": "digits"}, "format_version": 3, '
    '"network": {"channels": [64], "name": "mlp"}, "seed": 0, '
    f'"setting": {{"kind": "selector", "name": "selectors"}}, {TRAINING}}}',
    ("cifar10-narrow", "dense"): '{"data": {"name": "cifar10"}, "format_version": 3, '
    f'{WIDE}, "seed": 0, "setting": {{"kind": "dense", "name": "dense"}}, {AUGMENTED}}}',
    ("smoke", "dense"): SMOKE + '"network": {"name": "small-cnn"}, "seed": 0, '
    '"setting": {"kind": "dense", "name": "dense"}, "training": {"batch": 32, "epochs": 8}}',
}


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_populations_of_a_study_keep_their_names(name):
    one = study.load_study(name)
    names = {known.rpartition("-")[0]: known for known in POPULATIONS[name].split()}
    for setting in (*names, *(setting.name for setting in one.populations)):
        assert one.population_name(one.setting(setting)) == names[setting]


@pytest.mark.parametrize(("name", "setting"), TEXTS)
def test_what_determines_a_population_keeps_its_text(name, setting):
    one = study.load_study(name)
    assert one.text(one.setting(setting)) == TEXTS[name, setting]


@pytest.mark.parametrize("name", POPULATIONS)
def test_a_quantized_populations_text_holds_that_of_its_parent(name):
    one = study.load_study(name)
    for setting in one.populations:
        if setting.kind == "quantized":
            parent = one.text(one.setting(setting.parent))
            assert json.loads(one.text(setting)) == {
                "data": json.loads(parent)["data"],
                "format_version": 3,
                "parent": parent,
                "seed": 0,
                "setting": {
                    "format": setting.format,
                    "kind": "quantized",
                    "name": f"{setting.format}-of-{setting.parent}",
                    "parent": setting.parent,
                },
            }
