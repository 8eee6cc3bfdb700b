"""YAML as people write it: numbers with an exponent, and keys that stand once."""

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from forgetting import paths
from forgetting.errors import UserError
from forgetting.yaml_text import read_yaml


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Reads a text from a file."""
    file = tmp_path_factory.mktemp("yaml") / "own.yml"

    def read(text):
        file.write_text(text, encoding="utf-8")
        return read_yaml(file, source="the file", fix="mend it")

    return read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5e-4", 5e-4),
        ("1e3", 1000.0),
        ("-2E+2", -200.0),
        (".5e1", 5.0),
        ("1.e2", 100.0),
        ("+1.5e0", 1.5),
        ("1.0e-3", 1e-3),
    ],
)
def test_a_number_with_an_exponent_is_a_number(text, value, read):
    found = read(f"[{text}]")[0]
    assert type(found) is float and found == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_prints_for_a_float_is_read_as_that_float(read, value):
    assert math.isclose(read(f"a: {value!r}")["a"], value, rel_tol=0)


@pytest.mark.parametrize("text", ["e4", "1e", "12e4b", "'5e-4'", "1e-", "a1e4", "v5e-4", "1e3.5"])
def test_what_only_looks_like_a_number_is_text(text, read):
    assert read(f"a: {text}")["a"] == text.strip("'")


@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [
        ("members: 4\nname: a\nmembers: 9\n", "members", "1 and 3"),
        ("a:\n  deep: 1\n  deep: 1\n", "deep", "2 and 3"),
        ("- {a: 1, a: 2}\n", "a", "1 and 1"),
        ("a: 1\n'a': 2\n", "a", "1 and 2"),
        ("1: a\n1: b\n", "1", "1 and 2"),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_lines(text, key, lines, read):
    with pytest.raises(UserError, match=f"the key '{key}' is given twice, in lines {lines}"):
        read(text)


def test_equal_keys_of_two_mappings_and_a_key_before_what_is_merged_are_no_repetition(read):
    assert read("a: {x: 1}\nb: {x: 1}\n") == {"a": {"x": 1}, "b": {"x": 1}}
    merged = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, y: 3}\n"
    assert read(merged) == yaml.safe_load(merged)


@pytest.mark.parametrize("text", ["a: [", "\x00", "[" * 5000, "a: !!python/object:os.system {}"])
def test_what_is_not_plain_yaml_is_refused_in_one_line(text, read):
    with pytest.raises(UserError, match=r"the file is not YAML \(.*\); mend it") as refusal:
        read(text)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("file", sorted(paths.studies.glob("*.yml")), ids=lambda file: file.stem)
def test_the_studies_of_the_project_read_as_before(file):
    found = read_yaml(file, source="", fix="")
    assert found == yaml.safe_load(file.read_text(encoding="utf-8"))
