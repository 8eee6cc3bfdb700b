"""Numbers, names and lists in words: one way to write each, for pages, reports and messages."""

from collections.abc import Iterable, Mapping

MINUS = "\N{MINUS SIGN}"
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z")


def listed(words: Iterable[object], nothing: str = "none") -> str:
    """Write a list as a sentence has it.

    Args:
        words: its items, in order.
        nothing: what stands there where it has none.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    *some, last = [str(word) for word in words] or [nothing]
    return f"{', '.join(some)} and {last}" if some else last


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number of things, with the noun in its number.

    Args:
        number: how many there are.
        noun: what one is called.
        plural: what several are called; by default `noun` with an s.

    Example:
        >>> counted(1, "row"), counted(12000, "class", "classes")
        ('1 row', '12,000 classes')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def amount(value: float) -> str:
    """Write a mean of counts: without decimals where it is whole, else with one.

    Example:
        >>> amount(1200.0), amount(12.25)
        ('1,200', '12.2')
    """
    whole = abs(value - round(value)) < 1e-9
    return readable_sign(f"{value:,.0f}" if whole else f"{value:,.1f}")


def readable_sign(number: str) -> str:
    """Give a number that is written in digits a true minus sign; what was rounded to 0 has no sign.

    Args:
        number: as Python formats it, with or without a sign.

    Example:
        >>> readable_sign(f"{-1.26:+.1f}"), readable_sign(f"{-0.01:+.1f}")
        ('−1.3', '0.0')
    """
    return (number if number.strip("+-0.,") else number.lstrip("+-")).replace("-", MINUS)


def signed(value: float, digits: int = 1, *, times: float = 100) -> str:
    """Write a change with its sign; 0, and what is rounded to it, has none.

    Args:
        value: the change, e.g. a fraction.
        digits: decimals.
        times: factor of the value; by default 100, which makes points of a fraction.

    Example:
        >>> signed(0.0123), signed(-7, 0, times=1)
        ('+1.2', '−7')
    """
    return readable_sign(f"{times * value:+,.{digits}f}")


def percent(value: float, digits: int = 1) -> str:
    """Write a fraction as a percentage.

    Example:
        >>> percent(0.0512)
        '5.1 %'
    """
    return f"{readable_sign(f'{100 * value:.{digits}f}')} %"


def confidence_level(alpha: float) -> str:
    """Write the confidence level of intervals that belong to tests at level `alpha`.

    Example:
        >>> confidence_level(0.05)
        '95 %'
    """
    return f"{100 * (1 - alpha):g} %"


def p_value(value: float) -> str:
    """Write a p-value with three decimals, and very small ones as `below 0.001`."""
    return f"{value:.3f}" if value >= 0.001 else "below 0.001"


def p_in_words(value: float) -> str:
    """Write a p-value with its letter: `p = 0.012`, `p < 0.001`."""
    return f"p = {value:.3f}" if not value < 0.001 else "p < 0.001"


def span(numbers: Iterable[float]) -> str:
    """Write the smallest and the largest of some numbers, once where they are equal.

    Example:
        >>> span([3, 1, 2]), span([5, 5])
        ('1 to 3', '5')
    """
    some = list(numbers)
    return " to ".join(f"{number:,}" for number in sorted({min(some), max(some)}))


def with_interval(
    row: Mapping[str, float], name: str = "change", *, unit: str = "points", level: str = "95 %"
) -> str:
    """Write a column of a row with its interval: `−4.6 points (95 % interval −5.8 to −3.3)`.

    Args:
        row: fractions by the names of their columns: `name`, and the same ending in _low, _high;
            beside `relative_change` stand `relative_low` and `relative_high`.
        name: the column.
        unit: of what is written.
        level: of the interval, as `confidence_level` writes it.
    """
    stem = name if f"{name}_low" in row else name.removesuffix("_change")
    low, high = (signed(row[f"{stem}_{end}"]) for end in ("low", "high"))
    return f"{signed(row[name])} {unit} ({level} interval {low} to {high})"


def scaled(value: float, unit: str) -> str:
    """Write a large number with the prefix of its size, by thousands up to 10^21.

    Args:
        value: at least 0.
        unit: of the value, without a prefix.

    Example:
        >>> scaled(5.65e19, "FLOP"), scaled(1.25e6, "B"), scaled(950, "B")
        ('56 EFLOP', '1.2 MB', '950 B')
    """
    place = 0
    while value >= 999.5 and place < len(PREFIXES) - 1:
        value, place = value / 1000, place + 1
    digits = 1 if value < 9.95 and place else 0
    return f"{value:,.{digits}f} {PREFIXES[place]}{unit}"


def duration(seconds: float) -> str:
    """Write how long something takes, in the unit that fits and with two digits.

    Example:
        >>> duration(55.2), duration(700), duration(18_000), duration(2.5e8)
        ('55 s', '12 min', '5.0 h', '69,000 h')
    """
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    if seconds < 5970:
        return f"{round(seconds / 60)} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 9.95 else f"{float(f'{hours:.2g}'):,.0f} h"


def quoted(value: object) -> str:
    """Write a value from the input as messages show it: in quotes, on one line, cut if long."""
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def clipped(name: object, most: int = 80) -> str:
    """Write a name from the input as sentences show it.

    Args:
        name: any text; on one line, and without what would steer a terminal.
        most: characters from which it is cut.
    """
    text = " ".join(str(name).split()) if str(name).split() else repr(str(name))
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
