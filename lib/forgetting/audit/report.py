"""The report of an audit as one page of HTML that needs nothing else: no network, no script, no other file.

Whatever people brought (names of classes, groups, settings, examples) appears as text and nothing but text.
"""

import base64
import html
import io
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from forgetting.audit import gate, pictures, sentences, tables
from forgetting.errors import UserError
from forgetting.text import amount, clipped, counted, percent, signed

MOST_BYTES = 3 * 10**6
MOST_SETTINGS, FIRST = (
    100,
    5,
)  # Settings with a section of their own, and those of which the page says the most important first.
FIRST_OF_SETS = 3  # Sentences about classes, and about groups, that the page says first.
ROWS = (100, 40, 15, 5, 2)  # Of each table: the first of these with which the page is small enough.
PICTURES, PICTURE_BYTES, SIDE = (
    24,
    10**6,
    96,
)  # At most so many a setting, so many bytes in all, and pixels a side.

CSS = """
:root{color-scheme:light dark;--ground:#fff;--text:#1b1b1b;--soft:#565656;--line:#cfcfcf;--tint:#f3f5f7;--loss:#a8321f;--gain:#1e6849}
@media(prefers-color-scheme:dark){:root{--ground:#15171a;--text:#e8e8e8;--soft:#b0b0b0;--line:#45494f;--tint:#1f2328;
--loss:#ff9d8a;--gain:#86d6ae}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:80rem;background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,sans-serif;
overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.3rem;margin-top:2.5rem;border-top:1px solid var(--line);padding-top:1rem}
h3{font-size:1.05rem;margin-top:1.75rem}
p,li,dd{max-width:44rem}a{color:inherit}
.first{max-width:47rem;background:var(--tint);border-left:.3rem solid var(--line);padding:.75rem 1rem;font-size:1.05rem}
.wide{overflow-x:auto;border:1px solid var(--line);margin:1rem 0}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;width:100%}
caption{text-align:left;color:var(--soft);padding:.5rem}
th,td{padding:.3rem .6rem;text-align:right;border-top:1px solid var(--line);white-space:nowrap;vertical-align:top}
thead th{vertical-align:bottom;white-space:normal;overflow-wrap:normal;min-width:5rem;background:var(--tint);border-top:0}
th:first-child,td.text,th.text{text-align:left}td.text,tbody th{white-space:normal;min-width:8rem;max-width:22rem}
td.note{white-space:normal;min-width:11rem;text-align:left}
tbody th{font-weight:600}.loss{color:var(--loss)}.gain{color:var(--gain)}.soft{color:var(--soft)}
svg{width:8rem;height:.9rem;vertical-align:middle}svg .zero{stroke:var(--soft)}
svg .wide-line{stroke:var(--soft);stroke-width:1}svg .line{stroke:currentColor;stroke-width:3}svg circle{fill:currentColor}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(8rem,1fr));gap:1rem;padding:0;list-style:none}
.gallery figure{margin:0}.gallery img{width:6rem;max-width:100%;background:#fff;image-rendering:auto}
.gallery .small{image-rendering:pixelated}.gallery figcaption{font-size:.8rem}
"""

READING = (
    (
        "Change",
        "Share of right answers of the compressed side minus that of the baseline, in percentage points. Negative is harm, in every "
        "table: a false-positive rate that rises from 10 % to 15 % has the change −5.",
    ),
    (
        "Interval",
        "Where the true change may well lie: it is made so that it misses the truth in about {share} of such audits. The interval "
        "“alone” is for whoever asked about this one row before looking. The interval “for all at once” holds for all rows together, so that "
        "it may be read after picking the worst. Where several models were given, both speak of other trainings on these examples; the one "
        "“over other examples too” speaks of other trainings on other examples of the same kind, for one row alone.",
    ),
    (
        "Holm’s p, B–H p",
        "How surprising the change would be if there were none, after allowing for the many rows that were tested. By "
        "Holm: the chance of even one false alarm among all rows at or below {alpha:g} is at most {alpha:g}. By Benjamini and Hochberg: of "
        "the rows at or below {alpha:g}, no more than a share of {alpha:g} are false alarms on average.",
    ),
    (
        "Would be found",
        "The smallest true loss that an audit of this size finds four times in five. A smaller loss may well be there and "
        "not be seen: “not significant” is not “unharmed”. A dash: no loss would be found, however large.",
    ),
    (
        "Note",
        "Why a row was not tested: it is too small, or too few of its examples changed between right and wrong for any change to be "
        "found, or its change is the same in every model, so that nothing shows how far chance moves it. And which rows may have lost most.",
    ),
    (
        "Right to wrong, wrong to right, changed at all",
        "How many predictions of a row's examples changed, per pair of models on average.",
    ),
    (
        "Relative",
        "The change of the rate over the baseline's rate; an error rate that doubles has +100 %. Nothing is said where the "
        "baseline's rate was 0; the counts are in the tables beside.",
    ),
    (
        "Against the whole",
        "The change minus the change of the whole (for a false-positive rate, of that rate of all). Where everything "
        "gets worse, a row may have lost and yet be ahead.",
    ),
    (
        "Examples on which the two sides disagree",
        "What the majority of each side's models says, where there is one; also called exemplars, "
        "or PIEs (pruning identified exemplars). Votes: how many of the models are of that majority.",
    ),
)


def page(told, *, images: str | Path | None = None, verdicts: Sequence[gate.Verdict] = ()) -> str:
    """The page of an `Audit`.

    Args:
        images: a folder of pictures in which examples are found by their names, as `forgetting predict` names them; those that are there
            are shown beside the list of exemplars.
        verdicts: of rules, each with its line.

    Raises:
        UserError: `images` is no folder.
    """
    gallery = _Gallery(images) if images is not None else None
    settings = told.summary["settings"][:MOST_SETTINGS]
    shown = (
        {one["setting"]: gallery.of(told, one["setting"]) for one in settings} if gallery else {}
    )
    few = settings[
        : MOST_SETTINGS // 4
    ]  # Of long names full of quotes, sentences alone may fill the page.
    for rows, galleries, some in [
        *((rows, shown, settings) for rows in ROWS),
        (ROWS[-1], {}, settings),
        (ROWS[-1], {}, few),
    ]:
        text = _page(told, some, galleries, verdicts, rows)
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def _page(
    told,
    settings: list[dict],
    galleries: dict[str, str],
    verdicts: Sequence[gate.Verdict],
    rows: int,
) -> str:
    said, alpha = told.summary, told.summary["alpha"]
    title = f"What compression did to {_of([one['setting'] for one in said['settings']])}"
    parts = [
        f"<h1>{_text(title, 200)}</h1>",
        f"<p>Held against the baseline {_text(said['baseline'])}, on {counted(said['examples'], 'example')} of "
        + counted(said["classes"], "class", "classes")
        + (
            f" and {counted(said['groups'], *sentences.nouns(told.groups, 'groups'))}"
            if said["groups"]
            else ""
        )
        + ".</p>",
        _first(said),
    ]
    if verdicts:
        parts.append(
            "<h2>Rules</h2><ul>"
            + "".join(f"<li>{_text(verdict.line, 1000)}</li>" for verdict in verdicts)
            + "</ul>"
        )
    if len(said["settings"]) > 1:
        more = len(said["settings"]) - len(settings)
        parts += ["<h2>All settings</h2>", _settings(told, settings)]
        parts += (
            [f"<p>{more:,} further settings are in the tables and in summary.json only.</p>"]
            if more
            else []
        )
    for k, one in enumerate(settings):
        parts += [
            f'<section id="setting-{k}"><h2>{_text(one["setting"])}</h2>',
            *_setting(told, one, rows),
            galleries.get(one["setting"], ""),
            "</section>",
        ]
    parts.append("<h2>How to read this</h2><dl>")
    for name, text in READING:
        parts.append(
            f"<dt><strong>{name}</strong></dt><dd>{_text(text.format(alpha=alpha, share=f'{100 * alpha:g} %'), 2000)}</dd>"
        )
    parts += ["</dl>", f"<p>{_text(said['correction'], 1000)}</p>"]
    if said["notes"]:
        notes = "".join(f"<li>{_text(note, 1000)}</li>" for note in said["notes"])
        parts.append(f"<h2>What was handled in the input</h2><ul>{notes}</ul>")
    files = ", ".join(
        f'<a href="{name}.csv">{name}.csv</a>'
        for name, table in told.tables().items()
        if len(table.columns)
    )
    parts.append(
        f"<h2>Files and settings</h2><p>All rows: {files}, the same as Parquet, and <a href='summary.json'>summary.json</a>.</p>"
        f"<p>forgetting {_text(said['forgetting'])}; level {alpha:g}; minimum {said['minimum']:,} examples; {said['draws']:,} random "
        f"splits from seed {said['seed']}.</p>"
    )
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        f"<title>{_text(title, 200)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
    )
    return head + "\n".join(part for part in parts if part) + "\n</main>\n</body>\n</html>\n"


def _first(said: dict) -> str:
    """The sentences that matter most: of one setting many, of several the first of each, and once what is said of all."""
    told = [one["sentences"] for one in said["settings"]]
    if len(told) == 1:
        lines = [
            *told[0]["whole"],
            *told[0]["classes"][:FIRST_OF_SETS],
            *told[0].get("groups", [])[:FIRST_OF_SETS],
        ]
    else:
        lines = [
            line
            for of in told[:FIRST]
            for name in ("whole", "classes", "groups")
            for line in of.get(name, [])[:1]
        ]
        lines += (
            [f"The other {len(told) - FIRST:,} settings follow below."] if len(told) > FIRST else []
        )
        lines += [line for line in told[0]["whole"][1:] if all(line in of["whole"] for of in told)]
    return (
        '<div class="first">' + "".join(f"<p>{_text(line, 2000)}</p>" for line in lines) + "</div>"
    )


def _setting(told, one: dict, rows: int) -> Iterable[str]:
    setting, said = one["setting"], one["sentences"]
    top = told.overall[
        (told.overall["setting"] == setting) & (told.overall["role"] == "compressed")
    ].iloc[0]
    single = (
        len(told.summary["settings"]) == 1
    )  # Of one setting, the page has said the most important first.
    if not single:
        yield _said(said["whole"])
    for name, heading in (("classes", "Classes"), ("groups", "Groups")):
        table = _of_setting(getattr(told, name), setting)
        if len(table):
            yield f"<h3>{heading}</h3>{_said(said[name][FIRST_OF_SETS * single :])}"
            yield _findings(_of_setting(told.findings, setting).query("of == @name"))
            yield _sets(table, name, top["design"], rows)
    listed = _of_setting(told.exemplars, setting)
    yield f"<h3>Examples on which the two sides disagree</h3>{_said(said['exemplars'])}"
    if listed.empty:
        yield "<p>There is none.</p>"
        return
    columns: list[tuple[str, Callable]] = [
        ("Example", lambda row: _text(row.example)),
        ("Label", lambda row: _text(row.label)),
        ("Baseline says", lambda row: _text(row.said_baseline)),
        ("Compressed says", lambda row: _text(row.said_compressed)),
        ("From right to wrong, or back", lambda row: row.way),
    ]
    if top["design"] != tables.MODELS:
        columns += [
            ("Votes, baseline", lambda row: f"{row.votes_baseline} of {top['baseline_members']}"),
            (
                "Votes, compressed",
                lambda row: f"{row.votes_compressed} of {top['compressed_members']}",
            ),
        ]
    first = (
        "what turned from right to wrong"
        if top["design"] == tables.MODELS
        else "the largest difference of votes"
    )
    caption = f"Ranked: {first} first. {_some(listed, rows, 'examples', 'exemplars')}"
    yield _table(listed, columns, rows, caption, text=range(5))


def _settings(told, settings: list[dict]) -> str:
    """All settings side by side, those with a section of their own linked to it, the noise floor last."""
    place, table = (
        {one["setting"]: k for k, one in enumerate(settings)},
        told.overall.sort_values("role", kind="stable"),
    )

    def name(row) -> str:
        if row.setting in place:
            return f'<a href="#setting-{place[row.setting]}">{_text(row.setting)}</a>'
        return _text(row.setting) + (" (noise floor)" if row.role == "noise floor" else "")

    columns = [
        ("Setting", name),
        ("Models", lambda row: f"{row.compressed_members}"),
        ("Baseline", lambda row: percent(row.baseline_accuracy)),
        ("Compressed", lambda row: percent(row.compressed_accuracy)),
        (
            "Change, points",
            lambda row: f'<span class="{_tone(row.change)}">{signed(row.change)}</span>',
        ),
        ("Interval", lambda row: _ends(row.change_low, row.change_high)),
    ]
    return _table(
        table,
        columns,
        ROWS[0],
        "The share of right answers of each setting and of the baseline it is held against.",
    )


def _findings(found: pd.DataFrame) -> str:
    words = {"change": "changed", "relative_change": "changed otherwise than the whole"}
    chance = {
        "uncorrected": lambda row: f"up to {row.by_chance:.2g}" if row.by_chance else "none",
        "Holm": lambda row: (
            f"any at all, in 1 of {1 / row.by_chance:.3g} audits" if row.by_chance else "none"
        ),
        "Benjamini-Hochberg": lambda row: f"up to {row.by_chance:.2g}" if row.by_chance else "none",
    }
    columns = [
        ("Question", lambda row: words[row.question]),
        ("Rule", lambda row: row.rule),
        ("Tested", lambda row: f"{row.tested:,}"),
        ("Lost", lambda row: f"{row.lost:,}"),
        ("Gained", lambda row: f"{row.gained:,}"),
        ("By chance alone", lambda row: chance[row.rule](row)),
    ]
    return _table(
        found,
        columns,
        len(found),
        "How many are found by each rule, and how many there would be by chance.",
        text=range(2),
    )


def _sets(table: pd.DataFrame, of: str, design: str, rows: int) -> str:
    """The class or group table: the largest losses first, small sets last."""
    _, many = sentences.nouns(table, of)
    table = table.sort_values(["too_small", "change"], kind="stable")
    strip = _Strip(table.head(rows))
    single, lost = (
        int(table["could_be_worst"].sum()) == 1,
        bool((table["simultaneous_high"] < 0).any()),
    )
    place = list(table).index("group" if of == "groups" else "class") + 1
    columns: list[tuple[str, Callable]] = [
        ("Group" if of == "groups" else "Class", lambda row: _text(row[place]))
    ]
    if of == "groups":
        columns.append(("Rate", lambda row: sentences.METRICS.get(row.metric, row.metric)))
    columns += [
        ("Examples", lambda row: f"{row.n:,}"),
        ("Baseline", lambda row: percent(row.baseline_rate)),
        ("Compressed", lambda row: percent(row.compressed_rate)),
        (
            "Change, points",
            lambda row: f'<span class="{_tone(row.change)}">{signed(row.change)}</span>',
        ),
        ("Thick: interval alone; thin: for all at once", strip.drawn),
        (
            "Interval for all at once",
            lambda row: _ends(row.simultaneous_low, row.simultaneous_high),
        ),
        ("Holm’s p", lambda row: _p(row.p_holm)),
        ("Against the whole, points", lambda row: signed(row.relative_change)),
        ("its Holm’s p", lambda row: _p(row.relative_p_holm)),
        ("Note", lambda row: _note(row, single, lost)),
    ]
    words = range(len(columns) - 1, len(columns))
    columns += [
        (
            "Would be found, points",
            lambda row: "–" if np.isnan(row.detectable) else f"{100 * row.detectable:.1f}",
        ),
        ("Interval alone", lambda row: _ends(row.change_low, row.change_high)),
    ]
    if design != tables.MODELS:
        columns.append(
            (
                "Interval over other examples too",
                lambda row: _ends(row.both_sources_low, row.both_sources_high),
            )
        )
    if design != tables.POPULATIONS:
        columns += [
            ("Right to wrong", lambda row: amount(row.to_wrong)),
            ("Wrong to right", lambda row: amount(row.to_right)),
            ("Changed at all", lambda row: amount(row.flips)),
        ]
    columns += [
        ("B–H p", lambda row: _p(row.p_bh)),
        (
            "Relative",
            lambda row: (
                "–" if np.isnan(row.proportional_change) else f"{signed(row.proportional_change)} %"
            ),
        ),
        ("Interval against the whole", lambda row: _ends(row.relative_low, row.relative_high)),
    ]
    text = {0, *words} | ({1} if of == "groups" else set())
    caption = f"The largest loss first, what is too small to be tested last; more columns to the right. {_some(table, rows, many, of)}"
    return _table(table, columns, rows, caption, text=text)


def _note(row, single: bool, lost: bool) -> str:
    """Why a set was not tested, and whether it may be the one that lost most."""
    said = [html.escape(row.reason.partition(":")[0])] if row.reason else []
    if row.could_be_worst and lost:  # Where nothing certainly lost, every row may be the worst.
        said.append("the worst" if single else "may be the worst")
    return "; ".join(said)


def _table(
    table: pd.DataFrame,
    columns: Sequence[tuple[str, Callable]],
    rows: int,
    caption: str,
    *,
    text: Container[int] = (0,),
) -> str:
    """The first `rows` of `table`; a column is its heading and what makes HTML of a row. The columns `text` are words."""
    kind = [
        f'<td class="{"note" if heading == "Note" else "text"}">' if k in text else "<td>"
        for k, (heading, _) in enumerate(columns)
    ]
    heads = "".join(
        f'<th scope="col"{" class=text" if k in text else ""}>{heading}</th>'
        for k, (heading, _) in enumerate(columns)
    )
    lines = []
    for row in table.head(rows).itertuples():
        cells = [make(row) for _, make in columns]
        lines.append(
            f'<tr><th scope="row">{cells[0]}</th>'
            + "".join(f"{kind[k]}{cells[k]}</td>" for k in range(1, len(cells)))
            + "</tr>"
        )
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{html.escape(caption)}"><table><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>" + "\n".join(lines) + "</tbody></table></div>"
    )


class _Strip:
    """Draws a change with its two intervals on the scale that the rows of a table share."""

    def __init__(self, table: pd.DataFrame):
        ends = table[
            ["change", "change_low", "change_high", "simultaneous_low", "simultaneous_high"]
        ].to_numpy(dtype=float)
        self.low, self.high = (
            min(0.0, np.nanmin(ends, initial=0)),
            max(0.0, np.nanmax(ends, initial=0)),
        )

    def drawn(self, row) -> str:
        if self.high == self.low:
            return ""
        lines = [
            self._line("wide-line", row.simultaneous_low, row.simultaneous_high),
            self._line("line", row.change_low, row.change_high),
        ]
        zero = self._at(0)
        return (
            f'<svg class="{_tone(row.change)}" viewBox="0 0 120 12" aria-hidden="true"><path class="zero" d="M{zero} 0v12"/>'
            + "".join(lines)
            + f'<circle cx="{self._at(row.change)}" cy="6" r="3"/></svg>'
        )

    def _line(self, kind: str, low: float, high: float) -> str:
        return (
            ""
            if np.isnan(low) or np.isnan(high)
            else f'<path class="{kind}" d="M{self._at(low)} 6H{self._at(high)}"/>'
        )

    def _at(self, value: float) -> str:
        return f"{4 + 112 * (value - self.low) / (self.high - self.low):.1f}"


class _Gallery:
    """Small pictures of exemplars, as many as the page can carry."""

    def __init__(self, folder: str | Path):
        self.root, self.left = Path(folder).resolve(), PICTURE_BYTES
        if not self.root.is_dir():
            raise UserError(
                f"{str(folder)!r} is no folder of images: give the one that the examples are named in, or leave it out"
            )

    def of(self, told, setting: str) -> str:
        listed = _of_setting(told.exemplars, setting)
        if listed.empty or self.left <= 0:
            return ""
        cells, tried = [], 0
        for row in listed.head(10 * PICTURES).itertuples():
            tried += 1
            if (cell := self._cell(row)) is not None:
                cells.append(cell)
                self.left -= len(cell)
            if len(cells) == PICTURES or self.left <= 0:
                break
        if not cells:
            return f"<h3>Pictures of them</h3><p>None of the first {tried:,} examples is the name of a picture in the folder.</p>"
        lacking = tried - len(cells)
        said = f"{len(cells)} of {len(listed):,} shown." + (
            f" Of {lacking:,} before them no picture is in the folder." if lacking else ""
        )
        return f'<h3>Pictures of them</h3><p>{said}</p><ul class="gallery">{"".join(cells)}</ul>'

    def _cell(self, row) -> str | None:
        try:
            path = (self.root / str(row.example)).resolve()
            if not path.is_relative_to(self.root) or not path.is_file():
                return None
            picture = pictures.read(path, "RGB")
        except (OSError, ValueError, Image.DecompressionBombError):
            return None
        small = max(picture.size) <= SIDE
        picture.thumbnail((SIDE, SIDE))
        stream = io.BytesIO()
        picture.save(
            stream,
            **({"format": "PNG", "optimize": True} if small else {"format": "JPEG", "quality": 80}),
        )
        coded = base64.b64encode(stream.getvalue()).decode()
        label, before, after = map(_text, (row.label, row.said_baseline, row.said_compressed))
        said = f"labelled {label}; the baseline says {before}, the compressed side {after}"
        return (
            f'<li><figure><img{" class=small" if small else ""} src="data:image/{"png" if small else "jpeg"};base64,{coded}" '
            f'alt="Example {_text(row.example)}, {said}."><figcaption>{_text(row.example)}: {said}</figcaption></figure></li>'
        )


def _of_setting(table: pd.DataFrame, setting: str) -> pd.DataFrame:
    return table[table["setting"] == setting] if len(table) else table


def _some(table: pd.DataFrame, rows: int, many: str, file: str) -> str:
    return (
        f"All {len(table):,} {many}."
        if len(table) <= rows
        else f"{rows:,} of {len(table):,} {many}; all are in {file}.csv."
    )


def _of(names: list[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{len(names):,} settings"


def _text(value: object, most: int = 80) -> str:
    """What people brought, as text in HTML: cut where it is long, never broken before a per cent sign."""
    return html.escape(clipped(value, most)).replace(" %", "\u00a0%")


def _said(lines: Sequence[str]) -> str:
    return "".join(f"<p>{_text(line, 2000)}</p>" for line in lines)


def _tone(change: float) -> str:
    return "loss" if change < 0 else "gain" if change > 0 else "soft"


def _ends(low: float, high: float) -> str:
    return "–" if np.isnan(low) else f"{signed(low)} to {signed(high)}"


def _p(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}" if value >= 0.001 else "&lt; 0.001"
