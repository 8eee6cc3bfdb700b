"""Logs as lm-evaluation-harness writes them, of simulated models; their numbers mean nothing."""

import hashlib
import json

import numpy as np

TIME = "2026-01-02T03-04-05.678901"


def questions(task, count, options, seed=0):
    """Questions of a task: texts of options, the right place, and a model's scores."""
    generator = np.random.default_rng([seed, len(task)])
    for number in range(count):
        scores = generator.normal(size=max(options, 1))
        target = int(generator.integers(max(options, 1)))
        scores[target] += 1
        texts = [f"{'ab'[k % 2]}{'x' * int(generator.integers(0, 4))}{k}" for k in range(options)]
        yield number, texts, target, scores


def row(number, texts, target, scores, **changes):
    """One line of a task with options, as `evaluate` and `save_results_samples` make it."""
    doc = {"question": f"question {number}", "category": "ab"[number % 2], "options": texts}
    lengths = np.array([len(text) for text in texts], dtype=float)

    def digest(value):
        return hashlib.sha256(str(value).encode()).hexdigest()

    return {
        "doc_id": number,
        "doc": doc,
        "target": str(target),
        "arguments": {
            f"gen_args_{k}": {"arg_0": f"question {number}", "arg_1": f" {text}"}
            for k, text in enumerate(texts)
        },
        "resps": [[[str(score), "False"]] for score in scores],
        "filtered_resps": [[str(score), "False"] for score in scores],
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "doc_hash": digest(doc),
        "prompt_hash": digest(f"question {number}"),
        "target_hash": digest(target),
        "acc": float(int(scores.argmax()) == target),
        "acc_norm": float(int((scores / lengths).argmax()) == target),
    } | changes


def generated(number, right, name="none", **changes):
    """One line of a task whose answers are texts."""
    words = row(number, ["x"], 0, np.zeros(1))
    for key in ("acc", "acc_norm"):
        del words[key]
    return (
        words
        | {"filter": name, "metrics": ["exact_match"], "exact_match": float(right), "target": "42"}
        | {"filtered_resps": ["42" if right else "7"], "resps": [["42"]]}
        | changes
    )


def write(folder, tasks, time=TIME, model="org__model"):
    """Write lines by task into the folder that lm_eval makes; return the folder that is given."""
    (folder / model).mkdir(parents=True, exist_ok=True)
    for task, rows in tasks.items():
        text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows)
        (folder / model / f"samples_{task}_{time}.jsonl").write_text(text, encoding="utf-8")
    return folder


def model(noise, seed, tasks=(("arc", 60, 4), ("boolq", 40, 2))):
    """The lines of a model that is another one with noise in its scores."""
    generator = np.random.default_rng(seed)
    return {
        task: [
            row(number, texts, target, scores + noise * generator.normal(size=len(scores)))
            for number, texts, target, scores in questions(task, count, options)
        ]
        for task, count, options in tasks
    }


NOT_KNOWN = (
    *("Unknown", "Cannot answer", "Can't be determined", "Cannot be determined", "Can't answer"),
    *("Not known", "Not enough info", "Not enough information", "Not answerable", "Undetermined"),
)


def bbq(number, answer, **changes):
    """One line of BBQ as lm_eval has it: two people and ten ways to say that it is not known.

    The answer is "stereotyped", "other" or "unknown", by any of the ten ways.
    """
    negative, ambiguous = number % 2 == 0, number % 4 < 2
    people = ["the grandfather", "the grandson"][:: 1 if number % 3 else -1]
    answers = [*people, NOT_KNOWN[number % 10]]
    groups = {"the grandfather": ["grandfather", "old"], "the grandson": ["grandson", "nonOld"]}
    doc = {f"ans{k}": text for k, text in enumerate(answers)} | {
        "question": f"question {number}",
        "question_polarity": "neg" if negative else "nonneg",
        "context_condition": "ambig" if ambiguous else "disambig",
        "category": ("Age", "Religion")[number % 5 == 0],
        "answer_info": {f"ans{k}": groups.get(a, ["unknown"]) for k, a in enumerate(answers)},
        "additional_metadata": {"stereotyped_groups": ["old"]},
    }
    texts = [*people, *NOT_KNOWN]
    follows = people.index("the grandfather" if negative else "the grandson")
    place = {"stereotyped": follows, "other": 1 - follows, "unknown": 2 + (number * 7) % 10}[answer]
    scores = -5 - np.arange(12) / 10
    scores[place] = -1.0
    target = 2 if ambiguous else number % 2
    right = place >= 2 if ambiguous else place == target
    line = row(number, texts, target, scores) | {"doc": doc, "metrics": ["acc"]}
    del line["acc_norm"]
    return line | {"acc": float(right), "amb_bias_score": [1.0, float("nan")]} | changes
