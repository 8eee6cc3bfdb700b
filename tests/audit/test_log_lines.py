"""Lines of lm-evaluation-harness's logs are read as Python's json reads them."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgetting.audit import log_lines as module
from forgetting.audit.log_lines import log_lines
from forgetting.errors import UserError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))  # halves of characters, too
    | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
ROWS = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("logs") / "samples.jsonl"


@given(rows=st.lists(ROWS, min_size=1, max_size=3), newline=st.sampled_from(["\n", "\r\n"]))
def test_whatever_json_writes_is_read_as_json_reads_it(file, rows, newline):
    lines = [json.dumps(row) for row in rows]
    file.write_bytes("".join(line + newline for line in lines).encode())
    found = list(log_lines(file, "it"))
    assert [where for where, _ in found] == [f"it, line {k + 1}" for k in range(len(rows))]
    assert [repr(row) for _, row in found] == [repr(json.loads(line)) for line in lines]


@given(row=ROWS, place=st.floats(0, 1), byte=st.integers(0, 255).filter(lambda byte: byte != 10))
def test_a_damaged_line_is_read_as_json_reads_it_or_named(file, row, place, byte):
    line = bytearray(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
    line[int(place * (len(line) - 1))] = byte
    file.write_bytes(line + b"\n")
    try:
        wanted = json.loads(line.decode())
    except ValueError:
        wanted = None
    if isinstance(wanted, dict):
        ((_, found),) = log_lines(file, "it")
        assert repr(found) == repr(wanted)
    else:
        with pytest.raises(UserError, match="^it(, line 1| is)"):
            list(log_lines(file, "it"))


def test_a_line_nested_beyond_reason_is_named(file):
    file.write_bytes(b'{"doc": ' + b"[" * 100_000 + b"\n")
    with pytest.raises(UserError, match="it, line 1 is no JSON"):
        list(log_lines(file, "it"))


def test_msgspec_may_refuse_with_an_error_that_is_no_value_error(file, monkeypatch):
    class RefusedError(Exception):
        """As `msgspec.DecodeError` was before 0.21."""

    class Decoder:
        def decode(self, line):
            raise RefusedError

    monkeypatch.setattr(msgspec, "DecodeError", RefusedError)
    monkeypatch.setattr(module, "_DECODER", Decoder())
    file.write_text('{"acc": NaN}\n{"acc"')
    lines = log_lines(file, "it")
    assert repr(next(lines)) == "('it, line 1', {'acc': nan})"
    with pytest.raises(UserError, match="it, line 2 is no JSON"):
        next(lines)
