"""One parent, several copies: each against the parent, and against one another."""

import numpy as np
import pandas as pd
import pytest

from forgetting.audit import audit_predictions
from forgetting.errors import UserError

N = 200


def tables(parents=1, copies=3, parent=None):
    """A table of dense models, and of int8 copies of which the third loses most."""
    generator = np.random.default_rng(0)
    label, frames = generator.integers(0, 4, N), []

    def add(setting, member, predicted, made_from=None):
        columns = {"setting": setting, "member": member, "example": range(N), "label": label}
        frames.append(pd.DataFrame(columns | {"predicted": predicted, "parent": made_from}))

    for one in range(parents):
        dense = np.where(generator.random(N) < 0.1, (label + 1) % 4, label)
        add("dense", f"d{one}", dense)
        for copy in range(copies):
            lost = generator.random(N) < (0.02, 0.02, 0.25)[copy]
            made_from = {"member": f"d{one}", "setting": "dense", None: None}[parent]
            add("int8", f"c{one}{copy}", np.where(lost, (label + 2) % 4, dense), made_from)
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize(
    ("parent", "paired"), [("member", False), ("setting", False), (None, True)]
)
def test_each_copy_of_one_parent_is_compared_with_it_and_the_others(parent, paired):
    table = tables(parent=parent)
    audit = audit_predictions(table, baseline="dense", paired=paired)
    assert audit.overall["setting"].tolist() == [f"int8, copy {k}" for k in (1, 2, 3)]
    assert set(audit.overall["design"]) == {"two models"}
    rows = table.set_index("member")
    right = {m: (rows.loc[m, "predicted"] == rows.loc[m, "label"]).mean() for m in ("d0", "c02")}
    assert audit.overall["compressed_accuracy"].iloc[2] == pytest.approx(right["c02"])
    assert len(audit.copies) == 3 and audit.copies["all_alike_p"].iloc[0] < 0.001
    (line,) = audit.summary["copies"]
    assert "int8, copy 3 against int8, copy" in line and line in audit.summary["sentences"]
    found = audit.copies[audit.copies["p_holm"] <= 0.05]
    assert set(found["second"]) == {"int8, copy 3"} and len(found) == 2


def test_copies_that_do_not_differ_are_said_not_to():
    table = tables(parent="member", copies=2)
    (line,) = audit_predictions(table, baseline="dense").summary["copies"]
    assert "not shown to differ" in line


def test_several_copies_of_each_of_several_parents_are_pairs():
    audit = audit_predictions(tables(parents=4, parent="member"), baseline="dense")
    assert set(audit.overall["design"]) == {"paired populations"} and len(audit.overall) == 3
    assert audit.copies.empty and "one by one" in audit.summary["copies"][0]


def test_nothing_is_taken_for_copies_that_nobody_called_so():
    with pytest.raises(UserError, match="--paired that all are copies"):
        audit_predictions(tables(), baseline="dense")


def test_an_audit_without_copies_says_nothing_of_them():
    audit = audit_predictions(tables(copies=1), baseline="dense")
    assert audit.copies.empty and audit.summary["copies"] == []


def frame(**changed):
    label = np.arange(40) % 4
    columns = {"example": range(40), "label": label, "predicted": (label + 1) % 4, "top5": True}
    return pd.DataFrame(columns | changed)


@pytest.mark.parametrize("words", [(True, False), ("true", "false"), (1, 0), ("True", "False")])
def test_answers_may_count_as_right_by_a_column(words):
    right = np.arange(40) < 30
    column = np.where(right, *words)
    models = {"dense": frame(), "int8": frame(top5=column)}
    audit = audit_predictions(models, baseline="dense", columns={"right": "top5"})
    assert audit.overall["baseline_accuracy"].iloc[0] == 1
    assert audit.overall["compressed_accuracy"].iloc[0] == 0.75


def test_a_column_of_right_answers_is_used_only_where_it_is_named_and_checked():
    models = {"dense": frame(predicted=np.arange(40) % 4), "int8": frame()}
    audit = audit_predictions(models, baseline="dense")
    assert audit.overall["compressed_accuracy"].iloc[0] == 0
    models["int8"] = frame(top5="perhaps")
    with pytest.raises(UserError, match="40 values neither true nor false .'perhaps' first"):
        audit_predictions(models, baseline="dense", columns={"right": "top5"})
    models = {name: frame(predicted=np.arange(40) % 4, top5=False) for name in models}
    with pytest.raises(UserError, match="40 rows false where the label is predicted"):
        audit_predictions(models, baseline="dense", columns={"right": "top5"})
