"""The ledger: what the papers claim, and what the same statistic says here, minus its noise floor.

The claims are data (book/claims): `claims.yml` says what is claimed and what we test, `reported.csv` where it was read. One mechanism serves
all: every statistic compares a population with the dense one, its noise floor is the same statistic of dense-again, and the verdict is on
the difference of the two. The interval of that difference comes from halves of the populations, drawn without replacement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from forgetting import data, paths, predictions
from forgetting.errors import Refused
from forgetting.measure import class_impact, exemplars, inference, inputs, robustness
from forgetting.study import Study

HOLDS, NOISE, UNTOLD, CONTRADICTED = "holds", "no more than the noise floor", "cannot be told at this scale", "contradicted"
VERDICTS = (HOLDS, NOISE, UNTOLD, CONTRADICTED)

AGAIN, INT8 = "dense-again", "fixed-int8-of-dense-again"
KINDS = ("corrupted", "two digits", "atypical")
# Statistics of classes are numbers of classes, all others fractions. Those that speak of single images resample members and sources.
CLASSES = ("affected classes", "gains minus losses")
OVER_MEMBERS = ("accuracy", *CLASSES, "rare classes", "PIEs", "corrupted images", "corrupted beyond clean")
OVER_BOTH = ("accuracy on PIEs", "right answers on PIEs", *(f"PIEs among {kind}" for kind in KINDS), "natural adversaries", "adversaries beyond all")
STATISTICS = (*OVER_MEMBERS, *OVER_BOTH)


class Claim(BaseModel):
    """One claim, as claims.yml says it: either with all that its test needs, or with the reason why there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    short: str
    text: str
    paper: str
    section: str
    sources: tuple[str, ...] = Field(min_length=1)
    test: str = ""
    statistic: Literal[("", *STATISTICS)] = ""
    compares: Literal["", "pruned", "lowest", "fixed-int8", "over fixed-int8"] = ""
    direction: Literal["", "more", "less", "none"] = ""
    negligible: float = Field(0, ge=0)
    why: str = ""
    untested: str = ""

    @model_validator(mode="after")
    def _whole(self):
        needed = [bool(value) for value in (self.test, self.statistic, self.compares, self.direction, self.negligible, self.why)]
        if any(needed) == bool(self.untested) or any(needed) != all(needed):
            raise ValueError(f"claim {self.id} needs test, statistic, compares, direction, negligible and why; or else only untested")
        return self


def load() -> tuple[tuple[Claim, ...], pd.DataFrame]:
    """The claims, and the reported values they rest on.

    Returns:
        The claims in the ledger's order; and a row a reported value: id, paper (its number on arXiv), version, dataset, network,
        compression, level (sparsity), what, value, unit, how_read, source, note, all text, empty where nothing was said. A row without
        value is a statement, which `what` paraphrases.
    """
    claims = tuple(Claim(**said) for said in yaml.safe_load((paths.claims / "claims.yml").read_text(encoding="utf-8")))
    return claims, pd.read_csv(paths.claims / "reported.csv", dtype=str, keep_default_na=False)


def sources(claim: Claim, reported: pd.DataFrame) -> dict[str, str]:
    """What was reported for `claim`, in words: dataset, reported (values, by data set and quantity), how_read, source."""
    rows = reported.set_index("id").loc[list(claim.sources)].reset_index()
    parts = []
    for (dataset, what, compression, unit), some in rows[rows["value"] != ""].groupby(["dataset", "what", "compression", "unit"], sort=False):
        values = ", ".join(f"{row.value} at {row.level}" if row.level else row.value for row in some.itertuples())
        quantity = what if compression in ("", "pruned", "dense") else f"{what}, {compression}"
        parts.append(f"{dataset}, {quantity}{f' ({unit})' if unit else ''}: {values}")
    several = {name: _each_once(rows[name].str.split(", " if name == "dataset" else "; ").explode()) for name in ("dataset", "how_read", "source")}
    return {"reported": "; ".join(parts) or "in words only", **{name: "; ".join(words) for name, words in several.items()}}


def _each_once(words: pd.Series) -> list[str]:
    return [word for word in dict.fromkeys(words) if word]


def judge(*, low: float, high: float, direction: str, negligible: float) -> str:
    """The verdict on an effect minus its null whose interval is (low, high); one of `VERDICTS`.

    Args:
        low, high: the interval, in the unit of the statistic; NaN where there is none.
        direction: what is claimed of it. "more": it is above 0. "less": below. "none": it is hardly anything.
        negligible: the smallest effect of interest, above 0, in the same unit.

    Returns:
        "more" and "less": holds if the interval excludes 0 in the claimed direction; contradicted if it does so in the other; no more than the
        noise floor if it includes 0 and ends below `negligible` in the claimed direction; else it cannot be told. "none" is a test of
        equivalence: holds if the whole interval is smaller than `negligible` either way; contradicted if the whole interval is larger; else
        it cannot be told. Without an interval nothing can be told.

    Raises:
        Refused: another direction, a `negligible` that is not above 0.
    """
    inputs.one_of("direction", direction, ("more", "less", "none"))
    if not negligible > 0:
        raise Refused(f"negligible is {negligible}: the smallest effect of interest must be above 0; state one")
    if np.isnan(low) or np.isnan(high):
        return UNTOLD
    if direction == "none":
        inside, outside = -negligible < low and high < negligible, low > negligible or high < -negligible
        return HOLDS if inside else CONTRADICTED if outside else UNTOLD
    if direction == "less":
        low, high = -high, -low
    return HOLDS if low > 0 else CONTRADICTED if high < 0 else NOISE if high < negligible else UNTOLD


@dataclass(frozen=True)
class Evidence:
    """What the claims are tested on.

    Attributes:
        label, kind, source: (N,) true label, kind ("plain" and others) and source of each test image.
        training: (C,) training images of each class.
        predicted: setting to (K, N) predicted labels; "dense" and "dense-again" are needed, all with equally many members.
        corrupted: setting to (K, 2), accuracy of each member on the images that were corrupted, clean and then under corruption; or empty.
        held: setting to (K, M), whether each member is right on each held-out image; or empty.
        adversary: (M,) which of these are natural adversaries.
    """

    label: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    training: np.ndarray
    predicted: Mapping[str, np.ndarray]
    corrupted: Mapping[str, np.ndarray] = field(default_factory=dict)
    held: Mapping[str, np.ndarray] = field(default_factory=dict)
    adversary: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))


def gather(study: Study, *, sparsities: Sequence[float], members: int | None = None) -> Evidence:
    """The evidence that the predictions of `study` give: dense, dense-again, pruned at `sparsities`, fixed-point int8 where the study has it.

    Raises:
        Refused: populations are missing; the message says which command makes them.
    """
    images = data.load(study.data)
    attributes = images.test.attributes
    pruned = [f"pruned-{sparsity:g}" for sparsity in sparsities]
    quantized = [INT8] if "fixed-int8" in study.settings.quantized else []
    tests = {name: predictions.load(study, name, part="test", members=members) for name in ("dense", AGAIN, *pruned, *quantized)}
    corrupted, held, adversary = {}, {}, np.zeros(0, dtype=bool)
    if study.data.corrupted_images:
        corrupted = {name: _clean_and_corrupted(predictions.corrupted(study, name, members=members)) for name in ("dense", AGAIN, *pruned)}
    if study.settings.selectors:
        selectors = predictions.load(study, "selectors", part="holdout")
        adversary = robustness.natural_adversaries(label=selectors.label, predicted=selectors.predicted)
        for name in ("dense", AGAIN, *pruned):
            holdout = predictions.load(study, name, part="holdout", members=members)
            held[name] = holdout.predicted == holdout.label
    return Evidence(
        label=tests["dense"].label, kind=attributes["kind"].to_numpy(), source=attributes["source"].to_numpy(),
        training=np.bincount(images.train.labels, minlength=len(images.classes)),
        predicted={name: test.predicted for name, test in tests.items()}, corrupted=corrupted, held=held, adversary=adversary,
    )  # fmt: skip


def _clean_and_corrupted(counts: pd.DataFrame) -> np.ndarray:
    summed = counts.groupby(["member", counts["severity"] > 0])[["n", "correct"]].sum()
    return (summed["correct"] / summed["n"]).unstack().to_numpy()


class Measured(NamedTuple):
    """Statistics of several populations against dense: on all, and on each draw. All have the columns of `STATISTICS`, NaN where unknown.

    `value`: setting to (S,). `members`: setting to (draws, S), halves of the members. `sources`: setting to (draws, S), all members on
    resampled images; NaN for what keeps the images. `size`: members a population. `alpha`: level of the tests of classes.
    """

    value: dict[str, np.ndarray]
    members: dict[str, np.ndarray]
    sources: dict[str, np.ndarray]
    size: int
    alpha: float


def measure(evidence: Evidence, *, draws: int = 400, seed: int, alpha: float = 0.05) -> Measured:
    """Every statistic of every population of `evidence` against dense, with what its intervals need.

    Halves are drawn without replacement (with replacement every PIE count is inflated, see `exemplars.null_control`); a half varies around
    the whole as the whole varies around the truth. Quantized members follow their parents into a half. In a half, a class counts as affected
    where its change exceeds the margin that it needed in the whole populations: judged by its own margin a half finds too few.
    Sources are drawn with replacement, all copies of a source together; held-out images likewise.

    Args:
        draws: random halves, and random sets of sources, at least 2. seed: of both. alpha: level of the uncorrected tests of classes.

    Raises:
        Refused: populations of different size, fewer than 2 members or draws.
    """
    names = list(evidence.predicted)
    inputs.populations(evidence.predicted, label=evidence.label, members=2, paired=True)
    if draws < 2:
        raise Refused(f"draws is {draws}: at least 2 are needed to see a spread; 400 is usual")
    size, generator = len(evidence.predicted["dense"]), np.random.default_rng(seed)
    halves = {name: inference.subsets(size, size // 2, draws=draws, seed=generator) for name in names if name != INT8}
    halves |= {INT8: halves[AGAIN]} if INT8 in names else {}
    everyone, source_seed = np.ones(size, dtype=bool), int(generator.integers(2**31))
    measured = Measured({}, {}, {}, size, alpha)
    for name in names:
        if name == "dense":
            continue
        margin = _margins(evidence, name, alpha)
        measured.value[name] = _statistics(evidence, name, margin, everyone, everyone)
        measured.members[name] = np.array([_statistics(evidence, name, margin, *rows) for rows in zip(halves["dense"], halves[name], strict=True)])
        measured.sources[name] = _over_sources(evidence, name, draws=draws, seed=source_seed)
    return measured


def _margins(e: Evidence, name: str, alpha: float) -> np.ndarray:
    """How far each class must change to be significant (C,), NaN where it is not tested."""
    plain = e.kind == "plain"
    table = class_impact.compare(label=e.label[plain], dense=e.predicted["dense"][:, plain], compressed=e.predicted[name][:, plain], alpha=alpha)
    return ((table["change_high"] - table["change_low"]) / 2).to_numpy()


def _statistics(e: Evidence, name: str, margin: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """All statistics of the members `second` of `name` against the members `first` of dense, in the order of `STATISTICS`."""
    on_test, on_held = _columns(e, name, first, second)
    known = _class_statistics(e, on_test, margin) | _corruption_statistics(e, name, first, second)
    known |= {"PIEs": on_test["pie"].mean()} | _image_statistics(_totals(on_test), _totals(on_held))
    return np.array([known.get(statistic, np.nan) for statistic in STATISTICS], dtype=float)


def _columns(e: Evidence, name: str, first: np.ndarray, second: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """One number an image: of the test images (N,), and of the held-out ones (M,)."""
    dense, other = e.predicted["dense"][first], e.predicted[name][second]
    pie = exemplars.find(dense=dense, compressed=other)["pie"].to_numpy()
    right, right_other = (dense == e.label).mean(axis=0), (other == e.label).mean(axis=0)
    on_test = {"n": np.ones(len(pie)), "right": right, "right_other": right_other, "pie": pie, "right_pie": right * pie}
    for kind in ("plain", *KINDS):
        on_test |= {kind: e.kind == kind, f"pie_{kind}": pie & (e.kind == kind)}
    if name not in e.held:
        return on_test, {}
    held, held_other = e.held["dense"][first].mean(axis=0), e.held[name][second].mean(axis=0)
    on_held = {"n": np.ones(len(held)), "hard": e.adversary, "right": held, "right_other": held_other}
    return on_test, on_held | {"hard_right": held * e.adversary, "hard_right_other": held_other * e.adversary}


def _totals(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: values.sum() for key, values in columns.items()}


def _class_statistics(e: Evidence, columns: dict[str, np.ndarray], margin: np.ndarray) -> dict[str, float]:
    """Accuracy, and what classes lose, on the plain test images."""
    plain = e.kind == "plain"
    label, n = e.label[plain], np.bincount(e.label[plain], minlength=len(e.training))
    gained = columns["right_other"][plain] - columns["right"][plain]
    recall, accuracy = np.bincount(label, weights=gained, minlength=len(n)) / n, gained.mean()
    change = recall - accuracy
    gains, losses = (change > margin).sum(), (change < -margin).sum()
    rarest_first = np.argsort(e.training, kind="stable")
    half = len(n) // 2
    return {"accuracy": accuracy, "affected classes": gains + losses, "gains minus losses": gains - losses,
            "rare classes": recall[rarest_first[:half]].mean() - recall[rarest_first[-half:]].mean()}  # fmt: skip


def _corruption_statistics(e: Evidence, name: str, first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    if name not in e.corrupted:
        return {}
    dense, other = e.corrupted["dense"][first].mean(axis=0), e.corrupted[name][second].mean(axis=0)
    clean, corrupted = (other - dense) / dense
    return {"corrupted images": other[1] - dense[1], "corrupted beyond clean": corrupted - clean}


def _image_statistics(test: dict[str, np.ndarray], held: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The statistics of `OVER_BOTH` from totals over images, each a number or (draws,); NaN where nothing is left to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = test["right_pie"] / test["pie"] - test["right"] / test["n"]
        plain = test["pie_plain"] / test["plain"]
        known = {"accuracy on PIEs": gap, "right answers on PIEs": np.where(test["pie"] > 0, gap, 0.0) * test["pie"] / test["n"]}
        known |= {f"PIEs among {kind}": test[f"pie_{kind}"] / test[kind] - plain for kind in KINDS}
        if held:
            change = (held["right_other"] - held["right"]) / held["right"]
            hard = held["hard_right_other"] - held["hard_right"]
            known |= {"natural adversaries": hard / held["hard"], "adversaries beyond all": hard / held["hard_right"] - change}
    return known


def _over_sources(e: Evidence, name: str, *, draws: int, seed: int) -> np.ndarray:
    """The statistics with all members, on resampled images (draws, S)."""
    everyone = np.ones(len(e.predicted["dense"]), dtype=bool)
    drawn = []
    for columns, source in zip(_columns(e, name, everyone, everyone), (e.source, np.arange(len(e.adversary))), strict=True):
        # The same seed for every population: the same images are drawn for the effect and for its null.
        totals = inference.cluster_totals(np.stack(list(columns.values()), axis=1), source, resamples=draws, seed=seed).T if columns else ()
        drawn.append(dict(zip(columns, totals, strict=True)))
    known = _image_statistics(*drawn)
    return np.stack([known.get(statistic, np.full(draws, np.nan)) for statistic in STATISTICS], axis=1)


def _contrast(claim: Claim, level: str, lowest: str) -> tuple[dict[str, int], dict[str, int]]:
    """The effect and its null, each as settings with signs. Where two compressed populations are compared the noise floor cancels."""
    return {
        "pruned": ({level: 1}, {AGAIN: 1}),
        "lowest": ({level: 1, lowest: -1}, {}),
        "fixed-int8": ({INT8: 1}, {AGAIN: 1}),
        "over fixed-int8": ({level: 1, INT8: -1}, {}),
    }[claim.compares]


def _spread(draws: np.ndarray) -> float:
    """Standard deviation of draws (n,), those that are not defined left out; NaN where none differs from another."""
    draws = draws[~np.isnan(draws)]
    return draws.std(ddof=1) if len(draws) > 1 and np.ptp(draws) > 1e-12 else np.nan


def ledger(measured: Measured, claims: Sequence[Claim], *, sparsity: float, alpha: float = 0.05) -> pd.DataFrame:
    """The verdict on every claim that can be tested with what was measured; one row a claim.

    Intervals are value -+ t(K - 1) se, se the spread over halves of the members; for statistics of single images the spread over sources is
    added in squares. The verdict uses intervals that hold together for all rows (Bonferroni). In simulation with no effect at all the
    spreads were right or too wide: by half for counts of classes, and up to two thirds with sources, where the chance that a single image
    is a PIE counts twice.

    Args:
        sparsity: the pruned level that the claims are tested at. alpha: the chance that any of the table's intervals misses is at most this.

    Returns:
        id, short, test, statistic, unit ("points": a fraction; "classes"), compares, sparsity (NaN for claims about quantization alone),
        direction, negligible.
        effect, null, difference: the statistic, its noise floor (0 where it cancels), and effect minus null.
        low, high: 1 - alpha interval of the difference alone. simultaneous_low, simultaneous_high: for all rows at once. se, df.
        detectable: the smallest difference that this row would have found with a chance of 80 %.
        resamples: "members" (other trainings, these images) or "both" (other images, too). members: K.
        verdict: by `judge`, on the simultaneous interval.
        Claims without a test, or whose populations were not measured, have no row: `left_out` lists them.

    Raises:
        Refused: the level was not measured.
    """
    level, pruned = f"pruned-{sparsity:g}", [name for name in measured.value if name.startswith("pruned-")]
    inputs.fraction("alpha", alpha)
    inputs.one_of("the level", level, tuple(pruned))
    lowest = min(pruned, key=lambda name: float(name.removeprefix("pruned-")))
    rows = []
    for claim in claims:
        if not claim.statistic:
            continue
        effect, null = _contrast(claim, level, lowest)
        # A level less itself says nothing.
        if (claim.compares == "lowest" and level == lowest) or not {*effect, *null} <= set(measured.value):
            continue
        rows.append(_row(measured, claim, effect, null, sparsity))
    table = pd.DataFrame([row for row in rows if row is not None])
    df = measured.size - 1
    low, high = inference.interval(table["difference"], se=table["se"], df=df, alpha=alpha)
    widest = inference.interval(table["difference"], se=table["se"], df=df, alpha=alpha / len(table))
    table = table.assign(low=low, high=high, simultaneous_low=widest[0], simultaneous_high=widest[1], df=df, members=measured.size,
                         detectable=inference.smallest_detectable(se=table["se"], df=df, alpha=alpha / len(table)))  # fmt: skip
    table["verdict"] = [
        judge(low=row.simultaneous_low, high=row.simultaneous_high, direction=row.direction, negligible=row.negligible)
        for row in table.itertuples()
    ]
    return table[["id", "short", "test", "statistic", "unit", "compares", "sparsity", "direction", "negligible", "effect", "null", "difference",
                  "low", "high", "simultaneous_low", "simultaneous_high", "se", "df", "detectable", "resamples", "members", "verdict"]]  # fmt: skip


def _row(measured: Measured, claim: Claim, effect: dict[str, int], null: dict[str, int], sparsity: float) -> dict | None:
    """One row of the ledger before its intervals, None where the statistic was not measured."""
    column, both = STATISTICS.index(claim.statistic), claim.statistic in OVER_BOTH

    def combined(of: Mapping[str, np.ndarray], signs: dict[str, int]):
        return sum((sign * of[name][..., column] for name, sign in signs.items()), start=np.float64(0))

    signed = effect | {name: -sign for name, sign in null.items()}
    if all(np.isnan(measured.members[name][:, column]).all() for name in signed):
        return None
    spreads = [_spread(combined(of, signed)) for of in ((measured.members, measured.sources) if both else (measured.members,))]
    return {
        "id": claim.id, "short": claim.short, "test": claim.test, "statistic": claim.statistic,
        "unit": "classes" if claim.statistic in CLASSES else "points", "compares": claim.compares,
        "sparsity": np.nan if claim.compares == "fixed-int8" else sparsity,
        "direction": claim.direction, "negligible": claim.negligible, "effect": combined(measured.value, effect),
        "null": combined(measured.value, null), "difference": combined(measured.value, signed), "se": float(np.hypot.reduce(spreads)),
        "resamples": "both" if both else "members",
    }  # fmt: skip


def left_out(claims: Sequence[Claim], table: pd.DataFrame) -> pd.DataFrame:
    """The claims without a row in the ledger `table`: id, short, text, paper, section, reason."""
    reason = "this study has no population for it, or nothing to compare at this level"
    return pd.DataFrame(
        [{"id": c.id, "short": c.short, "text": c.text, "paper": c.paper, "section": c.section, "reason": c.untested or reason}
         for c in claims if c.id not in set(table["id"])],
        columns=["id", "short", "text", "paper", "section", "reason"],
    )  # fmt: skip


def in_words(table: pd.DataFrame, claims: Sequence[Claim], reported: pd.DataFrame) -> pd.DataFrame:
    """The ledger as a reader sees it, all text: claim, read in, reported, here, noise floor, here minus floor, verdict."""
    by_id = {claim.id: claim for claim in claims}
    rows = []
    for row in table.itertuples():
        claim, cancels = by_id[row.id], row.compares in ("lowest", "over fixed-int8")
        said = sources(claim, reported)
        interval = "no interval" if np.isnan(row.se) else f"[{amount(row.simultaneous_low, row.unit)}, {amount(row.simultaneous_high, row.unit)}]"
        detectable = "no draw differs" if np.isnan(row.se) else f"smallest detectable: {amount(row.detectable, row.unit, sign='')} {row.unit}"
        rows.append({
            "claim": row.short, "in our words": claim.text, "read in": said["how_read"], "reported": said["reported"], "what we test": row.test,
            "here": f"{amount(row.effect, row.unit)} {row.unit}", "noise floor": "cancels" if cancels else amount(row.null, row.unit),
            "here minus floor": f"{amount(row.difference, row.unit)} {interval}",
            "verdict": f"{row.verdict} ({detectable})" if row.verdict == UNTOLD else row.verdict,
        })  # fmt: skip
    return pd.DataFrame(rows)


def amount(value: float, unit: str, *, sign: str = "+") -> str:
    """A statistic of the ledger as text, with a true minus sign: points from a fraction, or a number of classes."""
    value = 100 * value if unit == "points" else value
    whole = unit == "classes" and value == round(value)
    return f"{value + 0.0:{sign}.{0 if whole else 1}f}".replace("-", "−")


def multiples(table: pd.DataFrame) -> pd.DataFrame:
    """The ledger on one scale, for a forest plot: multiples of the smallest effect of interest, what was claimed pointing right.

    Returns id, short, value, low, high, simultaneous_low, simultaneous_high, verdict. A claim of hardly any change keeps its sign.
    """
    sign = np.where(table["direction"] == "less", -1, 1) / table["negligible"]
    ends = {edge: (table[f"{edge}low"] * sign, table[f"{edge}high"] * sign) for edge in ("", "simultaneous_")}
    return table[["id", "short", "verdict"]].assign(
        value=table["difference"] * sign,
        **{f"{edge}low": np.minimum(*pair) for edge, pair in ends.items()}, **{f"{edge}high": np.maximum(*pair) for edge, pair in ends.items()},
    )  # fmt: skip
