"""Results in words: lists, signed numbers, numbers with their intervals. What pages say is made of these."""

from collections.abc import Iterable, Mapping


def listed(words: Iterable[object], nothing: str = "none") -> str:
    """`a, b and c`; `nothing` where there are none."""
    *some, last = [str(word) for word in words] or [nothing]
    return f"{', '.join(some)} and {last}" if some else last


def signed(value: float, digits: int = 1, *, times: float = 100) -> str:
    """`times` the value with its sign and `digits` decimals, a fraction in points by default: `+1.2`, `−0.3`; 0 has none."""
    shown = f"{times * value:+.{digits}f}"
    return (shown if float(shown) else shown[1:]).replace("-", "−")


def interval(row: Mapping[str, float], name: str = "change", *, unit: str = "points", sure: str = "95 %") -> str:
    """A column of a table's row with its interval: `−4.6 points (95 % interval −5.8 to −3.3)`; the columns are fractions."""
    low, high = (signed(row[f"{name}_{end}"]) for end in ("low", "high"))
    return f"{signed(row[name])} {unit} ({sure} interval {low} to {high})"
