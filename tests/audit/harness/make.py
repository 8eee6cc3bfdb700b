"""Makes the golden logs beside it with lm-evaluation-harness itself, of a tiny random model.

Run it by hand where lm_eval, transformers and torch are installed; nothing is downloaded:

    python tests/audit/harness/make.py tests/audit/harness/VERSION

VERSION is lm_eval's: 0.4.0 was made with transformers 4.49, datasets 2.16 and, since it loads that
metric from a hub when it is imported, with a metric exact_match of our own, which nothing uses;
0.4.5 with transformers 4.49 and datasets 3.1. Neither imports newer ones.

A GPT-2 of two layers with random weights answers 60 questions with options of a task of our own,
once as it is (fp32) and once with its weights rounded to 4 bits (int4). Numbers mean nothing.
"""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

WORDS = "red green blue small large round flat warm cold soft hard old new".split()
TASK = """task: tiny_choice
dataset_path: json
dataset_kwargs: {data_files: {test: questions.json}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{options}}"
doc_to_target: "{{answer}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
"""


def write_task(folder: Path) -> None:
    """Write 60 questions with two to four options of different lengths."""
    generator = random.Random(0)
    lines = []
    for number in range(60):
        options = [
            " ".join(generator.sample(WORDS, generator.randint(1, 3)))
            for _ in range(generator.randint(2, 4))
        ]
        options = list(dict.fromkeys(options))
        lines.append(
            {
                "question": f"{generator.choice(WORDS)} {generator.choice(WORDS)} is",
                "options": options,
                "answer": generator.randrange(len(options)),
                "category": "even" if number % 2 == 0 else "odd",
            }
        )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "questions.json").write_text(text)
    (folder / "tiny_choice.yaml").write_text(TASK)


def write_models(folder: Path) -> dict[str, Path]:
    """Write the tokenizer and the model, and a copy with rounded weights."""
    words = {word: k for k, word in enumerate(["<unk>", "<end>", "is", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>", pad_token="<end>"
    )
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(words),
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=2,
        bos_token_id=1,
        eos_token_id=1,
    )
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(6)  # So that choices differ at all.
    made = {}
    for name in ("fp32", "int4"):
        if name == "int4":
            with torch.no_grad():
                for weights in model.parameters():
                    step = weights.abs().max() / 7
                    weights.copy_((weights / step).round() * step if step > 0 else weights)
        made[name] = folder / name
        model.save_pretrained(made[name])
        fast.save_pretrained(made[name])
    return made


def main(out: Path) -> None:
    """Write the logs of both models below a folder."""
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    write_task(work)
    for name in write_models(work):
        command = [
            *(sys.executable, "-m", "lm_eval", "--model", "hf"),
            *("--model_args", f"pretrained={name}", "--tasks", "tiny_choice"),
            *("--include_path", ".", "--log_samples", "--output_path", f"logs/{name}"),
            *("--device", "cpu", "--batch_size", "8"),
        ]
        subprocess.run(command, check=True, cwd=work)
        (out / name).mkdir(exist_ok=True)
        # Up to 0.4.2 results.json says which tasks the other files are of.
        for pattern in ("*.jsonl", "results.json"):
            for log in (work / "logs" / name).rglob(pattern):
                shutil.copy(log, out / name / log.name)
    shutil.rmtree(work)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
