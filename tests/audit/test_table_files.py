"""Tables of any usual kind say the same, and what cannot be read is one line."""

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

from forgetting.audit import audit_predictions
from forgetting.audit.table_files import open_table
from forgetting.errors import UserError


@pytest.fixture
def table():
    generator = np.random.default_rng(0)
    label = np.tile(generator.integers(3, size=60), 2)
    wrong = generator.random(120) < 0.2
    return pd.DataFrame(
        {
            "setting": np.repeat(["dense", "int8"], 60),
            "member": 0,
            "example": np.tile(np.arange(60), 2),
            "label": label,
            "predicted": np.where(wrong, (label + 1) % 3, label),
        }
    )


class Foreign:
    """A table of another library: it has nothing but Arrow's C interface, and can be iterated."""

    def __init__(self, frame):
        self.arrow = pa.Table.from_pandas(frame)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.arrow.__arrow_c_stream__(requested_schema)

    def __iter__(self):
        return iter(self.arrow.column_names)


def lines(frame):
    return frame.to_json(orient="records", lines=True)


def ways(table, folder):
    feather, json = folder / "a.feather", folder / "a.jsonl"
    packed = folder / "b.jsonl.gz"
    pyarrow.feather.write_feather(pa.Table.from_pandas(table), str(feather))
    json.write_text(lines(table))
    packed.write_bytes(gzip.compress(lines(table).encode()))
    arrow = pa.Table.from_pandas(table)
    return {
        "feather": feather,
        "json lines": json,
        "packed json lines": packed,
        "record batch": arrow.to_batches()[0],
        "another library's": Foreign(table),
        "arrays": {name: table[name].to_numpy() for name in table},
        "lists": {name: table[name].tolist() for name in table},
        "two of another library's": [Foreign(table[:60]), Foreign(table[60:])],
        "arrays by setting": {
            setting: {name: some[name].to_numpy() for name in ("example", "label", "predicted")}
            for setting, some in table.groupby("setting")
        },
    }


def test_every_kind_of_table_gives_the_same_audit(table, tmp_path):
    wanted = audit_predictions(table, baseline="dense", draws=10)
    for kind, given in ways(table, tmp_path).items():
        result = audit_predictions(given, baseline="dense", draws=10)
        pd.testing.assert_frame_equal(result.classes, wanted.classes, obj=kind)
        assert result.summary == wanted.summary, kind


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"[1, 2]", "does not begin with a JSON object"),
        ("a.jsonl", b'{"a": 1}\n{"a": ', "damaged or of another kind .* one JSON object a line"),
        ("a.feather", b"ARROW1\0\0 and no more", "damaged or of another kind"),
    ],
)
def test_a_damaged_file_is_named_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as refusal:
        open_table(tmp_path / name, "predictions")
    assert "\n" not in str(refusal.value) and name in str(refusal.value)


def test_arrays_of_unequal_length_are_refused_in_one_line():
    with pytest.raises(UserError, match="give columns of equal length") as refusal:
        open_table({"label": [1, 2], "predicted": [1]}, "predictions")
    assert "\n" not in str(refusal.value)
