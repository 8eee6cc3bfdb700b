"""The report: one page that needs nothing else, in which names are text; small for any audit."""

import dataclasses
import html
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from flit_core.common import Module
from PIL import Image

from forgetting import paths
from forgetting.audit import audit_predictions, gallery, report, report_folder
from forgetting.audit.change_text import change_decimals
from forgetting.audit.first_sentences import first_sentences
from forgetting.errors import UserError
from forgetting.text import clipped, percent

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(2)'>",
    "&lt;b&gt; ünï\ncode",
    "../../etc/passwd",
    "=1+1",
    "x" * 5000,
]
VOID = {"meta", "img", "path", "circle"}


class Page(HTMLParser):
    """Reads a page strictly: every tag closes in order; collects tags, attributes and text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words).replace("\u00a0", " ")


def table(setting, predicted, label, names, member=0):
    columns = {"setting": setting, "member": member, "example": np.arange(len(label))}
    return pd.DataFrame(columns | {"label": names[label], "predicted": names[predicted]})


def audited(
    names=("ant", "bee", "cat"), *, examples=240, settings=("int8",), groups=None, members=1
):
    """An audit in which the first class loses a third of its right answers."""
    generator, names = np.random.default_rng(0), np.array(names, dtype=object)
    label = np.arange(examples) % len(names)
    parts = []
    for member in range(members):
        dense = np.where(generator.random(examples) < 0.1, (label + 1) % len(names), label)
        parts.append(table("dense", dense, label, names, member))
        for setting in settings:
            lost = (label == 0) & (generator.random(examples) < 0.3)
            parts.append(
                table(
                    setting, np.where(lost, (label + 1) % len(names), dense), label, names, member
                )
            )
    return audit_predictions(
        pd.concat(parts, ignore_index=True), baseline="dense", groups=groups, draws=20
    )


@pytest.mark.parametrize("members", [1, 3])
def test_the_page_stands_alone_and_says_all_sentences(members):
    groups = pd.DataFrame(
        {
            "example": np.arange(240),
            "site": np.tile(list("abcd"), 60),
            "sex": np.repeat(["F", "M"], 120),
        }
    )
    result = audited(groups=groups, members=members)
    text = report.report_page(result)
    page = Page(text)
    assert not re.search(r"https?:|//[a-z]", text) and not any(
        tag in ("script", "link", "iframe", "object") for tag, _ in page.tags
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": policy}) in page.tags
    assert (
        dict(page.tags)["html"] == {"lang": "en"}
        and "width=device-width" in text
        and "prefers-color-scheme: dark" in text
    )
    assert all(line in page.text for line in result.summary["sentences"])
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert "classes.csv" in links and links <= {f"{name}.csv" for name in result.tables()} | {
        "summary.json"
    }
    row = result.classes.sort_values("change").iloc[0]
    assert (
        row["class"] == "ant" and f"{100 * row.change_low:.1f} to ".replace("-", "−") in page.text
    )
    assert "All 3 classes." in page.text and "All 6 groups." in page.text
    assert page.text.index("All 6 groups.") < page.text.index("All 8 groups.")  # Of two attributes.


def test_what_the_page_is_made_of_is_packaged():
    packaged = {Path(file).name for file in Module("forgetting", paths.ROOT / "lib").iter_files()}
    assert {"report.css", "report.html.j2"} <= packaged


def test_names_are_text_whatever_they_hold():
    result = audited(HOSTILE, settings=("a<b>&'\"",))
    result = dataclasses.replace(
        result,
        exemplars=result.exemplars.assign(example="<i>&" + result.exemplars.example.astype(str)),
    )
    page = Page(report.report_page(result))
    allowed = (
        "html head meta title style body main h1 h2 h3 p div section table caption thead tbody tr "
        "th td svg path circle dl dt dd strong span a ul li details summary"
    )
    assert {tag for tag, _ in page.tags} <= set(allowed.split())
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    for name in HOSTILE:
        assert clipped(name) in page.text
    assert "x" * 100 not in page.text and "a<b>&'\"" in page.text and "<i>&" in page.text


def test_the_page_stays_small_and_says_how_much_it_shows(monkeypatch):
    monkeypatch.setattr(report, "MOST_SETTINGS", 10)
    monkeypatch.setattr(report, "MOST_BYTES", 250_000)
    result = audited([f"class {k} of many with a name" for k in range(12)], settings=("int8",))
    many = 3000
    settings = [f"setting {k}" for k in range(13)]
    of_each = {
        name: pd.concat(
            [pd.concat([frame] * times).assign(setting=setting) for setting in settings],
            ignore_index=True,
        )
        for name, frame, times in (
            ("overall", result.overall, 1),
            ("classes", result.classes, many // 12),
            ("findings", result.findings, 1),
            ("exemplars", result.exemplars, 20),
        )
    }
    one = result.summary["settings"][0]
    summary = {"settings": [one | {"setting": setting} for setting in settings]}
    first = first_sentences(summary["settings"], lead=[], floor=[])
    summary = result.summary | summary | {"first": first}
    text = report.report_page(dataclasses.replace(result, **of_each, summary=summary))
    assert len(text.encode()) <= 250_000
    shown = re.findall(
        r"([\d,]+) of 3,000 classes; all are in the table classes", html.unescape(text)
    )
    assert (
        len(shown) == 2 * 10
        and int(shown[0]) in report.ROWS[1:]
        and "3 further settings are in the tables" in text
    )
    assert "The other 10 settings follow below." in text
    Page(text)


def rows(text, caption):
    """The rows of the first table whose caption begins so: a dictionary each, text by heading."""
    part = text.split(f"<caption>{caption}")[1].split("</table>")[0]
    heads, *lines = [
        [
            html.unescape(re.sub("<.*?>", "", cell)).replace("\u00a0", " ")
            for cell in re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row)
        ]
        for row in re.findall("<tr>(.*?)</tr>", part)
    ]
    return [dict(zip(heads, row, strict=True)) for row in lines]


def points(*values):
    return " to ".join(f"{100 * value:+.1f}".replace("-", "−") for value in values)


@pytest.mark.parametrize("members", [1, 3])
def test_each_interval_stands_in_its_own_column(members):
    result = audited(members=members)
    shown = {
        row["Class"]: row for row in rows(report.report_page(result), "The largest loss first,")
    }
    headings = {
        "Interval alone": "change",
        "Interval for all at once": "simultaneous",
        "Interval relative to overall": "relative",
    }
    for row in result.classes.to_dict("records"):
        for heading, name in headings.items():
            ends = row[f"{name}_low"], row[f"{name}_high"]
            assert shown[row["class"]][heading] == ("–" if np.isnan(ends[0]) else points(*ends))
    lost = shown["ant"]
    assert (
        len(
            {
                lost["Interval alone"],
                lost["Interval for all at once"],
                lost["Interval relative to overall"],
            }
        )
        == 3
    )


def test_several_settings_stand_side_by_side_and_the_noise_floor_last():
    result = audited(settings=("int8", "dense-again", "int4"), members=2)
    shown = rows(report.report_page(result), "The share of right answers of each setting")
    assert [row["Setting"] for row in shown] == ["int4", "int8", "dense-again (noise floor)"]
    for row, wanted in zip(shown, result.overall.to_dict("records"), strict=True):
        assert row["Models"] == "2" and row["Baseline"] == percent(wanted["baseline_accuracy"])
        assert row["Compressed"] == percent(wanted["compressed_accuracy"])
        assert row["Change, points"] == points(wanted["change"]) and row["Interval"] == points(
            wanted["change_low"], wanted["change_high"]
        )
    assert "The share of right answers of each setting" not in report.report_page(audited())


def test_the_worst_rows_come_first_and_small_sets_last():
    world = np.repeat([0, 1, 2], [100, 5, 100])
    lost = np.where((world == 1) | ((world == 0) & (np.arange(205) % 3 == 0)), 2, world)
    names = np.array(["cat", "tiny", "dog"], dtype=object)
    result = audit_predictions(
        [table("dense", world, world, names), table("int8", lost, world, names)], baseline="dense"
    )
    text = Page(report.report_page(result)).text
    rows = text[text.index("All 3 classes.") :]
    assert rows.index("cat") < rows.index("dog") < rows.index("tiny")


@pytest.fixture
def pictures(tmp_path):
    """Pictures of some examples, large and small ones, and one file that is no picture."""
    (tmp_path / "pictures").mkdir()
    for k in range(0, 240, 3):
        if k % 4:
            side = 120 if k % 2 else 12
            Image.new("RGB", (side, side), (k, 90, 10)).save(tmp_path / "pictures" / f"{k}.png")
    (tmp_path / "pictures" / "0.png").write_bytes(b"no picture")
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    return tmp_path / "pictures"


def with_names(result, rename):
    return dataclasses.replace(
        result,
        exemplars=result.exemplars.assign(
            example=[rename(name) for name in result.exemplars.example]
        ),
    )


def test_a_gallery_shows_some_exemplars_with_words_for_those_who_cannot_see(pictures):
    result = with_names(audited(["ant", "bee", '"<cat>']), lambda name: f"{name}.png")
    text = report.report_page(result, images=pictures)
    images = [attributes for tag, attributes in Page(text).tags if tag == "img"]
    assert 0 < len(images) <= gallery.PICTURES
    for image in images:
        assert image["src"].startswith("data:image/")
        assert re.match(
            r"Example \d+\.png, labelled .+; the baseline says .+, the compressed side .+\.",
            image["alt"],
        )
    assert (
        any("class" in image for image in images)
        and "before them no picture is in the folder" in text
    )
    assert report.report_page(
        result, images=pictures
    ) == text and "data:image" not in report.report_page(result)


def test_pictures_take_no_more_than_their_share_however_long_names_are(pictures, monkeypatch):
    """What a page may take is cut as its number of settings is: 8 here, and a hundred."""
    names, quotes = [f"{k:02d}" + '"' * 200 for k in range(40)], '"' * 200
    monkeypatch.setattr(report, "MOST_SETTINGS", 8)
    monkeypatch.setattr(report, "MOST_BYTES", report.MOST_BYTES * 8 // 100)
    monkeypatch.setattr(gallery, "PICTURE_BYTES", 30_000)
    monkeypatch.setattr(report, "ROWS", report.ROWS[-2:])
    groups = pd.DataFrame({"example": np.arange(400), quotes: np.array(names)[np.arange(400) % 40]})
    result = with_names(
        audited(names, settings=("int8",), examples=400, groups=groups), lambda _: "3.png"
    )
    (one,), settings = result.summary["settings"], [f"{k}{quotes}" for k in range(8)]
    long = {
        name: [quotes * 4] * 2 for name in ("classes", "groups")
    }  # Sentences that name ten sets, as long as names are shown.
    of_each = {
        name: pd.concat([frame.assign(setting=setting) for setting in settings], ignore_index=True)
        for name, frame in result.tables().items()
        if len(frame)
    }
    for sentences in (one["sentences"], one["sentences"] | long):
        summary = result.summary | {
            "settings": [one | {"setting": setting, "sentences": sentences} for setting in settings]
        }
        text = report.report_page(
            dataclasses.replace(result, **of_each, summary=summary), images=pictures
        )
        assert len(text.encode()) <= report.MOST_BYTES
        cells = re.findall(r"<li><figure>.*?</figure></li>", text)
        assert sum(map(len, cells)) <= gallery.PICTURE_BYTES + max(map(len, cells), default=0)
        assert bool(cells) == (sentences is one["sentences"])
        Page(text)


@pytest.mark.parametrize(
    "name", ["../secret.png", "{folder}/secret.png", "a\0b", "", ".", "x" * 5000, "0.png"]
)
def test_a_name_that_leads_out_of_the_folder_or_to_no_picture_shows_nothing(name, pictures):
    result = with_names(audited(), lambda _: name.replace("{folder}", str(pictures.parent)))
    text = report.report_page(result, images=pictures)
    assert "<img" not in text and "is the name of a picture in the folder" in text


def test_a_folder_of_pictures_that_is_not_one_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(UserError, match="not a folder of images"):
        audited().write(tmp_path / "report", images=tmp_path / "none")
    assert not (tmp_path / "report").exists()


def contrast(one, other):
    """WCAG's contrast of two colours #rrggbb (or #rgb)."""

    def light(colour):
        colour = "".join(c * 2 for c in colour) if len(colour) == 3 else colour
        parts = [int(colour[k : k + 2], 16) / 255 for k in (0, 2, 4)]
        return np.dot(
            [0.2126, 0.7152, 0.0722],
            [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts],
        )

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_all_text_can_be_read_on_light_and_on_dark_ground():
    css = (Path(report.__file__).parent / "report.css").read_text(encoding="utf-8")
    assert css.strip() in report.report_page(audited())
    light, dark = (
        dict(re.findall(r"--(\w+): #(\w+)", part))
        for part in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    )
    for colours in (light, dark):
        for name in ("text", "soft", "loss", "gain"):
            assert (
                contrast(colours[name], colours["ground"]) >= 4.5
                and contrast(colours[name], colours["tint"]) >= 4.5
            )


@pytest.mark.parametrize(
    ("values", "rates", "wanted"),
    [
        ((-0.004, -0.007, -0.0004), (0.878, 0.875), 2),
        ((-0.1, -0.2, 0.0), (0.9, 0.8), 1),
        ((0.0005, -0.003, 0.004), (0.8515, 0.852), 2),
        ((1e-7, 0, 0), (0.5, 0.5), 3),
    ],
)
def test_a_change_has_the_decimals_of_its_rates_and_no_end_that_only_looks_like_0(
    values, rates, wanted
):
    assert change_decimals(values, *rates) == wanted


def test_a_table_too_long_for_a_spreadsheet_is_written_as_parquet_alone(tmp_path, monkeypatch):
    result = audited()
    long = {name for name, table in result.tables().items() if len(table) > 5}
    assert "classes" not in long and "exemplars" in long
    for module in (report, report_folder):
        monkeypatch.setattr(module, "CSV_ROWS", 5)
    folder = result.write(tmp_path / "report")
    files = {path.name for path in folder.iterdir()}
    assert {f"{name}.parquet" for name in long} <= files
    assert not {f"{name}.csv" for name in long} & files and "classes.csv" in files
    links = re.findall(r'href="(\w+\.(?:csv|parquet))"', (folder / "index.html").read_text("utf-8"))
    assert set(links) <= files and {f"{name}.parquet" for name in long} <= set(links)
