"""The grammar of rules, its three-valued logic against a table of truth, and what it refuses."""

import itertools

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgetting.audit import rules
from forgetting.audit.rule_parser import parse_rule
from forgetting.errors import UserError

NAN = float("nan")


def groups(*rows):
    """A group table with the fields of the rule language, NaN where a row says nothing."""
    blank = dict.fromkeys(rules.NUMBERS, NAN) | {
        "setting": "int8",
        "attribute": "sex",
        "group": "sex=F",
        "metric": "accuracy",
        "too_small": False,
    }
    return pd.DataFrame([blank | row for row in rows])


def judged(rule, *rows, overall=None):
    tables = {"overall": pd.DataFrame(overall), "class": pd.DataFrame(), "group": groups(*rows)}
    return rules.judge(parse_rule(rule), tables | {"gap": pd.DataFrame()})


def code(rule, *rows):
    return judged(rule, *rows).code


@pytest.mark.parametrize(
    ("rule", "row", "wanted"),
    [
        ("any group: change_low < -0.05", {"change_low": -0.06}, 3),
        ("any group: change_low < -0.05", {"change_low": -0.05}, 0),
        ("any group: change_low<=-5e-2", {"change_low": -0.05}, 3),
        ("any group: change < -0.02 and p_bh < 0.05", {"change": -0.03, "p_bh": 0.04}, 3),
        ("any group: change < -0.02 and p_bh < 0.05", {"change": -0.03, "p_bh": NAN}, 4),
        ("any group: change < -0.02 and p_bh < 0.05", {"change": 0.01, "p_bh": NAN}, 0),
        ("any group: change < -0.02 or p_bh < 0.05", {"change": -0.03, "p_bh": NAN}, 3),
        ("any group: not change < -0.02", {"change": NAN}, 4),
        ("any group: not (change < -0.02 or n > 5)", {"change": 0, "n": 5}, 3),
        ("any group: p < 0.05 or n > 5 and n < 3", {"p": 0.01, "n": 4}, 3),  # "and" binds closer
        ("any group: (p < 0.05 or n > 5) and n < 3", {"p": 0.01, "n": 4}, 0),
        ('any group: metric == "fnr" and change < 0', {"metric": "fnr", "change": -1}, 3),
        ("any group: group != 'sex=F'", {}, 0),
        ("any group: change\n<\t+0.5 and n<5or p<1", {"change": 0, "n": 4}, 3),
        (r"any group: group == 'a\b # ()'", {"group": r"a\b # ()"}, 3),
        ("any group: group == 'a\nb'", {"group": "a\nb"}, 3),
        (
            "any group: proportional_change > 2 and to_wrong > 30",
            {"proportional_change": 2.5, "to_wrong": 31},
            3,
        ),
    ],
)
def test_a_rule_says_what_its_words_say(rule, row, wanted):
    assert code(rule, row) == wanted


def test_a_met_rule_goes_before_one_that_cannot_be_told_and_small_groups_are_left_out():
    assert code("any group: change < 0", {"change": NAN}, {"change": -1}) == 3
    assert code("any group: change < 0", {"change": NAN}, {"change": 1}) == 4
    assert code("any group: change < 0", {"change": -1, "too_small": True}, {"change": 1}) == 0


def test_how_many_rows_were_too_small_to_be_judged_is_told_whatever_the_verdict():
    small = [{"change": -1, "too_small": True}] * 2
    for rows, wanted in (
        ([{"change": -1}], 3),
        ([{"change": 1}], 0),
        ([{"change": NAN}], 4),
        ([], 4),
    ):
        verdict = judged("any group: change < 0", *rows, *small)
        assert verdict.code == wanted and verdict.line.endswith(
            "; 2 too small to be tested were left out"
        )
    assert "too small" not in judged("any group: change < 0", {"change": 1}).line


def test_a_rule_about_the_whole_does_not_look_at_the_noise_floor():
    blank = dict.fromkeys(rules.FIELDS["overall"][0], NAN)
    rows = [
        blank | {"setting": setting, "role": role, "change": change}
        for setting, role, change in (
            ("int8", "compressed", 0.1),
            ("dense-again", "noise floor", -0.1),
        )
    ]
    verdict = judged("any overall: change < 0", overall=rows)
    assert verdict.code == 0 and verdict.line.endswith("by none of 1 row")


VALUES = {"true": -1.0, "false": 1.0, "unknown": NAN}
KLEENE = {"true": True, "false": False, "unknown": None}


@pytest.mark.parametrize(("one", "other"), list(itertools.product(VALUES, repeat=2)))
def test_logic_has_three_values(one, other):
    row = {"change": VALUES[one], "relative_change": VALUES[other]}
    a, b = KLEENE[one], KLEENE[other]
    both = False if False in (a, b) else None if None in (a, b) else True
    either = True if True in (a, b) else None if None in (a, b) else False
    codes = {True: 3, False: 0, None: 4}
    assert code("any group: change < 0 and relative_change < 0", row) == codes[both]
    assert code("any group: change < 0 or relative_change < 0", row) == codes[either]
    assert code("any group: not change < 0", row) == codes[None if a is None else not a]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "does not begin with 'any'"),
        ("any group", "a table and a colon"),
        ("all group: n < 1", "does not begin with 'any'"),
        ("any thing: n < 1", "table 'thing'"),
        ("any group:", "ends too early"),
        ("any group: size < 1", "field 'size'"),
        ("any group: n < x", "with 'x': a number belongs"),
        ("any group: n", "'n' where a comparison"),
        ("any group: n < number", "a number belongs"),
        ("any group: n < True", "a number belongs"),
        ("any group: n < -True", "a number belongs"),
        ("any group: n < 3j", "a number belongs"),
        ("any group: n < 2 + 2", "a number belongs"),
        ("any group: n == sign", "a number belongs"),
        ("any group: group == text", "a text in quotes belongs"),
        ("any group: group == word", "a text in quotes belongs"),
        ("any group: group == f'{n}'", "a text in quotes belongs|cannot be read"),
        ("any group: group == b'x'", "a text in quotes belongs"),
        ("any group: n < 1 and", "ends too early"),
        ("any group: (n < 1", "cannot be read"),
        ("any group: n < 1)", "cannot be read"),
        ("any group: n < 1) or (n > 2", "cannot be read"),
        ("any group: metric < 'x'", "only == and !="),
        ("any group: metric == 3", "a text in quotes belongs"),
        ("any group: n < 1; import os", "cannot be read from '; import"),
        ("any group: n < 1 # and p < 0.05", "'#'"),
        ("any group: __import__('os')", "where a comparison"),
        ("any group: (lambda: n)() < 1", "where the name of a field belongs"),
        ("any group: n.real < 1", "where the name of a field belongs"),
        ("any group: 1 > n", "'1' where the name of a field belongs"),
        ("any group: 1 < n < 5", "join two comparisons by 'and'"),
        ("any group: n in [1]", "by none of <"),
        ("any group: n is 1", "by none of <"),
        ("any group: n := 1", "cannot be read"),
        ("any group: n < 1 if n > 2 else n < 3", "where a comparison"),
        ("any group: n < 1 " + "x" * 2000, "characters"),
        ("any group: " + "(" * 50 + "n < 1" + ")" * 50, "deep"),
        ("any group: " + "not " * 50 + "n < 1", "deep"),
        ("any group: n < " + "-" * 900 + "1", "a number belongs|cannot be read"),
        ("any overall: p_bh < 0.1", "field 'p_bh'"),
        ("any group: n < 1\nor n > 2 'x", "cannot be read"),
        ("any group: n < 1\0", "cannot be read"),
        ("any group: n < \udcff", "cannot be read"),
        ("any group: change_low < -5", "fraction, 5 points are 0.05"),
    ],
)
def test_what_is_no_rule_is_refused_in_one_line(rule, message):
    with pytest.raises(UserError, match=message) as refusal:
        parse_rule(rule)
    assert "\n" not in str(refusal.value)


@settings(max_examples=200)
@given(st.text(alphabet="any group:overclsch_=<>!()'\"0.5-e \n\t\\x", max_size=60))
def test_any_text_is_a_rule_or_refused(text):
    try:
        parse_rule(text)
    except UserError as refusal:
        assert "\n" not in str(refusal)


def test_a_field_may_be_called_as_python_s_keyword_is():
    blank = dict.fromkeys(rules.NUMBERS, NAN) | {"setting": "int8", "too_small": False}
    classes = pd.DataFrame([blank | {"class": name, "change": -0.1} for name in ("cat", "class")])
    for rule, wanted in (
        ("any class: class == 'class' and change < 0", "'int8/class' (change -0.1)"),
        ("any class: not class == 'cat'", "'int8/class'"),
    ):
        verdict = rules.judge(parse_rule(rule), {"class": classes})
        assert verdict.line == f"rule met: {rule}: {wanted}"
    with pytest.raises(UserError, match="from 'class' on|'class' where a comparison"):
        parse_rule("any class: class")


def test_a_rule_about_groups_without_groups_is_refused():
    with pytest.raises(UserError, match="--groups"):
        rules.judge(parse_rule("any group: n < 1"), {"group": pd.DataFrame()})


def test_a_rule_about_gaps_judges_rates_and_names_the_widest_first():
    row = dict.fromkeys(rules.GAP_NUMBERS, 0.01) | {
        "setting": "int8",
        "attribute": "sex",
        "reference": "sex=M",
        "metric": "fnr",
        "too_small": False,
    }
    gaps = pd.DataFrame(
        [
            row | {"group": "sex=F", "gap_change": 0.04, "gap_change_high": 0.07},
            row | {"group": "sex=X", "gap_change": 0.06, "gap_change_high": 0.09},
            row | {"group": "sex=Y", "gap_change_high": 0.9, "too_small": True},
        ]
    )
    verdict = rules.judge(parse_rule("any gap: gap_change_high > 0.05"), {"gap": gaps})
    assert verdict.code == 3 and verdict.line.index("sex=X") < verdict.line.index("sex=F")
    assert "sex=Y" not in verdict.line and "1 too small to be tested was left out" in verdict.line
    rule = parse_rule("any gap: floor_high < 0.001")
    assert rules.judge(rule, {"gap": gaps}).code == 0
    with pytest.raises(UserError, match="names the field 'change'; there are"):
        parse_rule("any gap: change > 0.05")


def test_a_rule_that_names_what_is_not_there_is_refused_and_one_that_is_met_says_by_what():
    with pytest.raises(
        UserError, match="names the setting 'int3': there are 'int8'; name one of these"
    ):
        code("any group: setting == 'int3' and change < 0", {"change": -1})
    rows = {"change": -0.25, "n": 40}, {"change": 0.1}
    assert judged("any group: change < -0.02 and n > 30", *rows).line.endswith(
        "'int8/sex=F/accuracy' (change -0.25, n 40)"
    )
    assert judged("any group: change < -0.5", *rows).line.endswith("by none of 2 rows")
