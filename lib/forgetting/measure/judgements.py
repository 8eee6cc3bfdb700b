"""What people answered about pictures in several arms: rates, differences, agreement, power.

Answers vary with the picture and with who is asked. Intervals count both: other pictures *and*
other annotators.
"""

import numpy as np
import pandas as pd
from scipy import stats

from forgetting.errors import UserError

POOR_AGREEMENT = 0.4  # alpha below which people are said not to agree
ALL_DEALS = 12  # up to so many triples all deals of the arms are tried
MOST_PICTURES = 3000  # beyond which nobody asks people


def rate_arms(
    answers: pd.DataFrame,
    *,
    pairs: list[tuple[str, str]],
    draws: int = 2000,
    seed: int = 0,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare how often people say yes in two arms.

    Args:
        answers: A row an answer: annotator, image, arm, triple, yes (bool). Nobody answers twice.
        pairs: Arms to compare, the first minus the second.
        draws: Bootstrap draws, and random deals where not all are tried.
        seed: Of both.
        alpha: Intervals are at 1 - alpha.

    Returns:
        A row a pair: first, second, first_rate, second_rate, difference, low, high, p, triples,
        annotators. Rates are means over all answers. The interval is from resampling triples and
        annotators, both kept whole (a product bootstrap, which is a little too wide rather than too
        narrow). p deals the arms of each triple anew, for the pictures and people at hand.

    Raises:
        UserError: There are fewer than two triples or no annotator.
    """
    people, triples = (np.unique(answers[name]) for name in ("annotator", "triple"))
    if len(people) < 1 or len(triples) < 2:
        raise UserError(
            f"there are answers of {len(people)} annotators on {len(triples)} triples; at least 1 "
            "and 2 are needed"
        )
    generator = np.random.default_rng(seed)
    of_triples = generator.multinomial(len(triples), np.full(len(triples), 1 / len(triples)), draws)
    of_people = generator.multinomial(len(people), np.full(len(people), 1 / len(people)), draws)
    sums = {
        arm: _sums(answers[answers["arm"] == arm], people, triples)
        for arm in dict.fromkeys(sum(pairs, ()))
    }
    rows = []
    for first, second in pairs:
        drawn = [_rate(*sums[arm], of_people, of_triples) for arm in (first, second)]
        low, high = np.nanquantile(drawn[0] - drawn[1], [alpha / 2, 1 - alpha / 2])
        rates = [
            float(yes.sum() / max(asked.sum(), 1)) for yes, asked in (sums[first], sums[second])
        ]
        rows.append(
            {
                "first": first,
                "second": second,
                "first_rate": rates[0],
                "second_rate": rates[1],
                "difference": rates[0] - rates[1],
                "low": low,
                "high": high,
                "p": _p_of_deals(sums[first], sums[second], draws, generator),
                "triples": len(triples),
                "annotators": len(people),
            }
        )
    return pd.DataFrame(rows)


def _sums(
    answers: pd.DataFrame, people: np.ndarray, triples: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many pictures got a yes, and how many were answered: (annotators, triples)."""
    place = np.searchsorted(people, answers["annotator"].to_numpy()) * len(triples)
    place += np.searchsorted(triples, answers["triple"].to_numpy())
    yes, asked = (
        np.bincount(place, weights=weight, minlength=len(people) * len(triples)).reshape(
            len(people), len(triples)
        )
        for weight in (answers["yes"].to_numpy(float), np.ones(len(answers)))
    )
    return yes, asked


def _rate(
    yes: np.ndarray, asked: np.ndarray, of_people: np.ndarray, of_triples: np.ndarray
) -> np.ndarray:
    """Return the rate in each draw, whose people and triples count as often as they were drawn."""
    count = ((of_people @ asked) * of_triples).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(((of_people @ yes) * of_triples).sum(axis=1) / count)


def _p_of_deals(
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    draws: int,
    generator: np.random.Generator,
) -> float:
    """Return how often arms dealt anew within triples differ as much: exact where all are tried."""
    shares = [yes.sum(axis=0) / np.maximum(asked.sum(axis=0), 1) for yes, asked in (first, second)]
    difference = shares[0] - shares[1]
    many = len(difference)
    if many <= ALL_DEALS:
        signs = 1 - 2 * ((np.arange(2**many)[:, None] >> np.arange(many)) & 1)
    else:
        signs = generator.choice([-1, 1], size=(draws, many))
    beyond = np.abs(signs @ difference) >= abs(difference.sum()) - 1e-9
    return float(beyond.mean() if many <= ALL_DEALS else (beyond.sum() + 1) / (draws + 1))


def agreement(answers: pd.DataFrame, *, draws: int = 1000, seed: int = 0) -> dict[str, float]:
    """Return Krippendorff's alpha of answers by name, with a bootstrap interval over pictures.

    Args:
        answers: A row an answer: image and answer; pictures that one person answered do not count.
        draws: Bootstrap draws.
        seed: Of these.

    Returns:
        alpha (1: all agree; 0: as chance would), low, high, images (answered by two or more). NaN
        where nobody was asked what another was, or all answers are equal.

    Source:
        Krippendorff, Content Analysis (nominal data, missing answers allowed).
    """
    by_image = answers.groupby(["image", "answer"], observed=True).size().unstack(fill_value=0)
    counts = by_image[by_image.sum(axis=1) >= 2].to_numpy(float)
    generator = np.random.default_rng(seed)
    drawn = [
        _alpha(counts[generator.integers(len(counts), size=len(counts))])
        for _ in range(draws if len(counts) else 0)
    ]
    known = [value for value in drawn if not np.isnan(value)]
    low, high = np.quantile(known, [0.025, 0.975]) if known else (np.nan, np.nan)
    return {"alpha": _alpha(counts), "low": low, "high": high, "images": float(len(counts))}


def _alpha(counts: np.ndarray) -> float:
    """Return alpha from (images, answers) numbers of answers, each row with two or more."""
    if not len(counts):
        return np.nan
    of_image, of_answer, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    same = ((counts**2).sum(axis=1) - of_image) / (of_image - 1)
    expected = total**2 - (of_answer**2).sum()
    if expected == 0:
        return np.nan
    return float(1 - (total - 1) * (total - same.sum()) / expected)


def smallest_difference(
    *, triples: int, annotators: int, agreement: float, rate: float = 0.2, power: float = 0.8
) -> float:
    """Return the smallest difference between two arms that is found in most lessons.

    Pictures have chances of a yes that vary (agreement is their intraclass correlation, about what
    alpha estimates); each annotator answers by chance, and a paired t-test over triples, at 5 %,
    looks at the means.

    Args:
        triples: Pictures in each arm, at least 2.
        annotators: Who all answer, at least 1.
        agreement: In [0, 1].
        rate: Of yes in the lower arm, in (0, 1).
        power: Share of lessons in which it is found, in (0, 1).

    Returns:
        A difference of rates, in (0, 1 - rate]; NaN where even the largest is found less often.
    """
    needed = stats.t.ppf([0.975, power], triples - 1).sum()

    def short_of(difference: float) -> float:
        ps = np.array([rate, rate + difference])
        variance = (ps * (1 - ps) * (agreement + (1 - agreement) / annotators)).sum() / triples
        return float(difference / np.sqrt(variance) - needed)

    low, high = 1e-6, 1 - rate
    if short_of(high) < 0:
        return float("nan")
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if short_of(middle) > 0 else (middle, high)
    return high


def power_table(
    *, images: tuple[int, ...] = (30, 60, 120), annotators: tuple[int, ...] = (1, 3, 10, 25)
) -> pd.DataFrame:
    """Return the smallest difference found in 8 of 10 lessons, by size of the lesson.

    Returns:
        images, annotators, and a column for each agreement (0.2, 0.5, 0.8), fractions.
    """
    return pd.DataFrame(
        {"images": many, "annotators": people}
        | {
            f"{alike:g}": smallest_difference(triples=many // 3, annotators=people, agreement=alike)
            for alike in (0.2, 0.5, 0.8)
        }
        for many in images
        for people in annotators
    )


def pictures_needed(
    difference: float,
    *,
    annotators: int,
    agreement: float,
    rate: float = 0.2,
    power: float = 0.8,
) -> float:
    """Return how many pictures, in three arms, a lesson needs to find a difference.

    Args:
        difference: Between the rates of two arms, in (0, 1 - rate].
        annotators: As in `smallest_difference`.
        agreement: The same.
        rate: The same.
        power: The same.

    Returns:
        A multiple of 3; NaN where 3,000 pictures are too few.

    Raises:
        UserError: The difference is not between 0 and 1 - rate.
    """
    if not 0 < difference <= 1 - rate:
        raise UserError(
            f"difference is {difference:g}: a share above 0 and at most {1 - rate:g} is allowed, "
            "e.g. 0.2 for 20 points"
        )

    def finds(triples: int) -> bool:
        smallest = smallest_difference(
            triples=triples, annotators=annotators, agreement=agreement, rate=rate, power=power
        )
        return smallest <= difference  # never where it is NaN

    low, high = 1, MOST_PICTURES // 3
    if not finds(high):
        return float("nan")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    return 3 * high
