"""Remedies: what each minimises, recomputed; where it is nothing, training is the plain one to the last bit."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from forgetting import predictions
from forgetting.errors import UserError
from forgetting.study import REMEDIES, Network, Training, load_study, needs_teacher
from forgetting.train import member, networks, remedies, sgd
from forgetting.train.cpu_engine import CpuEngine
from forgetting.train.gpu_engine import GpuEngine
from forgetting.train.member import train_member
from forgetting.train.objectives import Constrained, Distilled, Weighted
from forgetting.train.plan import device_name, plan_tasks

IMAGES, CLASSES = 45, 3
FREE = {"tolerance": 0.0, "rate": 0.1, "window": 10, "label_smoothing": 0.0}


def batch(seed=0):
    """Logits, labels of all training images, and which of them are in the batch."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (IMAGES,), generator=rng)
    chosen = torch.randperm(IMAGES, generator=rng)[:20]
    return torch.randn(20, CLASSES, generator=rng), labels, chosen


def small_network(seed=0):
    network = networks.build_network(
        Network(name="small-cnn"), channels=1, pixels=28, classes=CLASSES, seed=seed
    )
    return network


def trained(make_objective, *, smoothing=0.0):
    """The weights of a network trained with an objective, of labels and images; None for none."""
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(1)
    labels = torch.randint(CLASSES, (IMAGES,), generator=rng)
    images = torch.randn(IMAGES, 1, 28, 28, generator=rng)
    network = small_network()
    sgd.train_network(
        network,
        images,
        labels,
        # Batches of 7: a seventh is no binary fraction.
        training=Training(epochs=3, batch=7, augmentation="crop", label_smoothing=smoothing),
        after_step=lambda step: None,
        order=3,
        objective=make_objective(labels, images),
    )
    return torch.cat([weight.flatten() for weight in network.state_dict().values()])


def of_plain(smoothing=0.0):
    return trained(lambda labels, images: None, smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_weighted_loss_is_that_of_a_loop_and_so_is_its_gradient(smoothing):
    logits, labels, chosen = batch()
    logits.requires_grad_()
    weights = torch.rand(IMAGES, generator=torch.Generator().manual_seed(5))
    found = Weighted(labels, weights, label_smoothing=smoothing)(logits, logits, chosen)
    expected = torch.zeros(())
    for row, image in enumerate(chosen.tolist()):
        probability = logits[row].exp() / logits[row].exp().sum()
        wanted = torch.full((CLASSES,), smoothing / CLASSES)
        wanted[labels[image]] += 1 - smoothing
        expected = expected - weights[image] * (wanted * probability.log()).sum() / len(chosen)
    assert torch.allclose(found, expected, atol=1e-6)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (found, expected)]
    assert torch.allclose(*gradients, atol=1e-6)


def test_weights_of_one_everywhere_give_the_unweighted_network_bit_for_bit():
    one = trained(lambda labels, images: Weighted(labels, torch.ones(IMAGES), label_smoothing=0.0))
    assert torch.equal(one, of_plain())
    two = trained(
        lambda labels, images: Weighted(labels, torch.arange(IMAGES) / 22, label_smoothing=0.0)
    )
    assert not torch.equal(two, of_plain())


def test_an_image_of_weight_zero_might_as_well_have_another_label():
    def weighted(labels, images):
        other = torch.where(torch.arange(IMAGES) < 9, (labels + 1) % CLASSES, labels)
        weights = torch.where(torch.arange(IMAGES) < 9, 0.0, 1.0)
        made.append((labels, other))
        return Weighted(other if len(made) == 2 else labels, weights, label_smoothing=0.0)

    made = []
    one, two = trained(weighted), trained(weighted)
    assert not torch.equal(*made[0]) and torch.equal(one, two)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_is_negative_or_no_number_is_refused_in_one_line(value):
    weights = torch.ones(IMAGES)
    weights[7] = value
    with pytest.raises(UserError, match=r"^weight 7 is .*at least 0$"):
        Weighted(torch.zeros(IMAGES, dtype=torch.int64), weights, label_smoothing=0.0)


def test_weights_make_groups_count_alike_up_to_the_cap_and_have_a_mean_of_one():
    groups = np.repeat([0, 1, 2], [60, 30, 10])
    weights = remedies.balancing_weights(groups, cap=1000)
    totals = np.bincount(groups, weights=weights)
    np.testing.assert_allclose(totals, totals.mean(), rtol=1e-6)
    np.testing.assert_allclose(weights.mean(), 1, rtol=1e-6)
    capped = remedies.balancing_weights(groups, cap=2.0)
    heaviest = capped[groups == 2][0] / capped[groups == 0][0]
    np.testing.assert_allclose(heaviest, 2.0 / (100 / 3 / 60), rtol=1e-6)
    assert (remedies.balancing_weights(groups, cap=1e-9) == 1).all()


def test_the_distilled_loss_is_that_of_plain_numpy():
    logits, labels, chosen = batch(2)
    answers = torch.randn(20, CLASSES, generator=torch.Generator().manual_seed(9))
    teacher = torch.nn.Identity()
    found = Distilled(labels, teacher, soft=0.7, temperature=3.0, label_smoothing=0.0)(
        logits, answers, chosen
    )

    def softmax(x):
        return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)

    taught, own = softmax(answers.numpy() / 3), softmax(logits.numpy() / 3)
    divergence = (taught * np.log(taught / own)).sum(axis=1).mean()
    hard = -np.log(softmax(logits.numpy())[np.arange(20), labels[chosen].numpy()]).mean()
    np.testing.assert_allclose(found.item(), 0.3 * hard + 0.7 * 9 * divergence, rtol=1e-5)


def test_distillation_with_no_soft_labels_equals_plain_training_to_the_last_bit():
    def distilled(soft):
        return trained(
            lambda labels, images: Distilled(
                labels, small_network(7), soft=soft, temperature=2.0, label_smoothing=0.0
            )
        )

    assert torch.equal(distilled(0.0), of_plain())
    assert not torch.equal(distilled(0.5), of_plain())


def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_soft_labels():
    logits, labels, chosen = batch(3)
    alone = Distilled(labels, torch.nn.Identity(), soft=1.0, temperature=2.0, label_smoothing=0.0)(
        logits, logits, chosen
    )
    assert abs(alone.item()) < 1e-6


def test_no_training_changes_the_teacher():
    teacher = small_network(7)
    before = copy.deepcopy(teacher.state_dict())
    made = []

    def distilled(labels, images):
        made.append(Distilled(labels, teacher, soft=0.9, temperature=2.0, label_smoothing=0.0))
        return made[0]

    trained(distilled)
    for name, values in made[0].teacher.state_dict().items():
        assert torch.equal(values, before[name])


def constrained(dense, groups, labels, **changes):
    return Constrained(labels, groups, dense=torch.tensor(dense), **({"first": 0} | FREE | changes))


def test_where_no_group_lags_multipliers_are_zero_and_training_is_plain_to_the_last_bit():
    made = []

    def even(labels, images):
        groups = torch.arange(IMAGES) % 2
        # The dense network was right nowhere, so nobody can have lost anything.
        made.append(constrained([0.0, 0.0], groups, labels, tolerance=1.0))
        return made[-1]

    assert torch.equal(trained(even), of_plain())
    assert not made[0].multipliers.any()
    assert sum(map(len, made[0].answers)) == 20


def test_only_the_group_that_lags_gets_a_multiplier_and_it_grows_by_the_violation():
    groups = torch.tensor([0, 0, 0, 1])
    objective = constrained([1.0, 1.0], groups, torch.zeros(4, dtype=torch.int64), tolerance=0.05)
    right = torch.tensor([True, True, True, False])
    for step in range(1, 4):
        objective.ascend(right, groups)
        # Group 1 lost 1, all lost 1/4 by their sizes; group 0 lost nothing.
        assert torch.allclose(objective.multipliers, torch.tensor([0.0, step * 0.1 * 0.7]))
    for _ in range(200):
        objective.ascend(torch.ones(4, dtype=torch.bool), groups)
    assert not objective.multipliers.any()


def test_a_group_that_was_never_asked_has_no_multiplier():
    groups = torch.tensor([0, 0, 1, 2])
    objective = constrained([1.0, 0.5, 1.0], groups, torch.zeros(4, dtype=torch.int64))
    objective.ascend(torch.tensor([True, False, False]), groups[:3])
    # Lost: .5 and .5, so .5 of all that were asked.
    assert not objective.multipliers.any()


def test_accuracies_are_those_of_the_last_answers():
    groups, right = torch.zeros(10, dtype=torch.int64), torch.arange(10) < 6
    objective = constrained([1.0, 1.0], groups, groups, window=4)
    objective.ascend(right, groups)
    assert [float(answer) for answer in objective.answers[0]] == [0, 0, 0, 0]


def test_the_constrained_loss_adds_what_a_group_loses_more_than_all_times_its_multiplier():
    logits, labels, chosen = batch(4)
    groups = torch.arange(IMAGES) % 3
    objective = constrained([0.0, 0.0, 0.0], groups, labels, rate=1e-9)
    objective.multipliers = torch.tensor([0.5, 0.0, 2.0])
    found = objective(logits, logits, chosen)
    each = F.cross_entropy(logits, labels[chosen], reduction="none")
    of = [each[groups[chosen] == group].mean() for group in range(3)]
    expected = each.mean() + 0.5 * (of[0] - each.mean()) + 2 * (of[2] - each.mean())
    assert torch.allclose(found, expected, atol=1e-5)


def test_nothing_is_looked_at_before_the_masks_are_fixed():
    logits, labels, chosen = batch(5)
    groups = torch.arange(IMAGES) % 2
    objective = constrained([1.0, 1.0], groups, labels, first=2)
    for _ in range(2):
        objective(logits, logits, chosen)
        assert not any(objective.answers)
    objective(logits, logits, chosen)
    assert all(objective.answers)


def smoke_study():
    """A study with every remedy that trains in moments."""
    study = load_study("smoke-tinted")
    training = study.training.model_copy(update={"epochs": 2})
    settings = study.settings.model_copy(
        update={"pruned": (0.9,), "quantized": (), "remedies": REMEDIES}
    )
    return study.model_copy(update={"members": 2, "training": training, "settings": settings})


def test_cells_are_numbered_by_group_and_label_as_the_data_have_them():
    study = smoke_study()
    part = CpuEngine(study).tensors.dataset.train
    warm = (part.attributes["tint"] == "warm").to_numpy()
    by_group = remedies.training_groups(study, "tint", by_label=False)
    by_cell = remedies.training_groups(study, "tint", by_label=True)
    assert (by_group == warm).all()
    assert (by_cell == 2 * warm + part.labels).all()


def test_a_member_of_each_remedy_trains_to_the_same_bytes_again(tmp_path, monkeypatch):
    study = smoke_study()
    settings = [setting for setting in study.populations if setting.remedy]
    assert len(settings) == 2 * len(REMEDIES)
    _, _, steps = sgd.count_steps(study.training, 700)
    files = []
    for home in ("one", "two"):
        monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / home))
        # The second time in another order, as after a stop: what was trained before matters not,
        # and whether a teacher is trained or read neither.
        teacher_is_there = False
        for setting in settings[:: 1 if home == "one" else -1]:
            for task in plan_tasks(study, [(setting, 1, "test")]):
                entry = train_member(study, task)
                needs = needs_teacher(setting.remedy)
                networks_trained = 1 + (needs and not teacher_is_there)
                teacher_is_there |= needs
                assert entry["images"] == networks_trained * steps * study.training.batch
        files.append(
            [predictions.predictions_path(study, s, 1, "test").read_bytes() for s in settings]
        )
    assert files[0] == files[1]
    assert len(set(files[0])) == len(settings)


def test_a_teacher_whose_file_is_damaged_is_trained_again_to_the_same_weights(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    study, engine = smoke_study(), CpuEngine(smoke_study())
    setting = study.setting("distilled-dense")
    member._train(study, setting, 1, engine)
    [file] = tmp_path.glob("teachers/*.npz")
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"no weights", whole):
        file.write_bytes(damaged)
        _, _, images = member._train(study, setting, 1, engine)
        _, _, steps = sgd.count_steps(study.training, 700)
        assert images == (1 + (damaged != whole)) * steps * study.training.batch
        assert file.read_bytes() == whole


def test_the_teacher_is_the_dense_network_of_the_same_number(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    study, seen = smoke_study(), []
    engine = CpuEngine(study)
    real = remedies.make_objective

    def watched(study, remedy, teacher):
        def watching():
            network, logits = teacher()
            seen.append(logits)
            return network, logits

        return real(study, remedy, watching)

    monkeypatch.setattr(remedies, "make_objective", watched)
    for _ in ("trained", "read"):
        member._train(study, study.setting("distilled-pruned-0.9"), 1, engine)
    dense, _, _ = member._train(study, study.setting("dense"), 1, engine)
    logits = engine.compute_logits(dense, "train")
    assert len(seen) == 2 and all(torch.equal(each, logits) for each in seen)


def test_a_gpu_says_that_it_knows_no_remedy_in_one_line():
    study = smoke_study()
    setting = study.setting("distilled-pruned-0.9")
    assert device_name(study, setting) == device_name(study, setting, "cpu") == "cpu"
    with pytest.raises(UserError, match=r"^device cuda: distilled-pruned-0.9 .*leave the option"):
        device_name(study, setting, "cuda")
    engine = GpuEngine(study, torch.device("cpu"))
    with pytest.raises(NotImplementedError):
        engine.train(
            engine.network, sparsity=0.0, order=0, objective=lambda logits, *_: logits.sum()
        )
