"""Throughput and memory of QLoRA SFT and DPO at Llama-3-8B's shape, by the product's own trainers, beside TRL's defaults.

    python benchmarks/train_throughput.py                       # on an NVIDIA GPU
    python benchmarks/train_throughput.py --shape small         # a tiny model, to see that it runs anywhere
    python benchmarks/train_throughput.py --check               # whether the kernels compute what plain layers do
    python benchmarks/train_throughput.py --cases sft --profile profile.txt     # where a step's time goes

The weights are random and made in 4 bits on the device, so nothing is downloaded. Each case is a process of its own: a crash or
a lack of memory costs its own row only. Tokens are those that are not padding. The matrix rate is that of an 8192^3 product of
bf16, measured in the same process. Arithmetic is counted with what checkpointing computes again ("done") and without
("useful"). Beside the measured peak stands what `tutor train --plan` predicts, the CUDA context's 0.5 GB
included.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from train_made import SHAPES, documents, pairs, random_values, words

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Case:
    """`recipe` without one: plain TRL defaults at the same sequence length and LoRA. `cap` is in GB of allocator memory."""

    title: str
    recipe: str | None
    overrides: tuple[str, ...] = ()
    cap: float | None = None
    pieces: tuple[str, ...] = ("attention", "liger", "fused")


SFT, DPO = "recipes/llama3-8b-sft.yaml", "recipes/llama3-8b-dpo.yaml"
NONE = ("activation_checkpointing=false",)
SECOND = ("activation_checkpointing_kwargs={every_n_layers: 2}",)
T4 = ("precision=fp16",)
CASES = {
    "sft": Case("SFT, every layer checkpointed", SFT),
    "sft-none": Case("SFT, no checkpointing", SFT, NONE),
    "dpo": Case("DPO, every layer checkpointed", DPO),
    "trl": Case("TRL's defaults, SFT", None),
    "sft-15gb": Case("SFT for 15 GB, fp16", "recipes/llama3-8b-sft-15gb.yaml", T4, 15, ("fused",)),
    "dpo-15gb": Case("DPO for 15 GB, fp16", "recipes/llama3-8b-dpo-15gb.yaml", T4, 15, ("fused",)),
    "sft-b8": Case("SFT, checkpointed, 8 rows", SFT, ("per_device_train_batch_size=8",)),
    "dpo-none": Case("DPO, no checkpointing", DPO, NONE),
    "sft-plain": Case("SFT, checkpointed, none of the kernels", SFT, (), None, ()),
    "sft-no-liger": Case("SFT, checkpointed, without Liger", SFT, (), None, ("attention", "fused")),
    "sft-no-fused": Case("SFT, checkpointed, without the fused LoRA", SFT, (), None, ("attention", "liger")),
    "sft-no-attention": Case("SFT, checkpointed, without packed attention", SFT, (), None, ("liger", "fused")),
    "sft-second": Case("SFT, every second layer checkpointed", SFT, SECOND),
    "sft-b1": Case("SFT, checkpointed, 1 row", SFT, ("per_device_train_batch_size=1",)),
    "sft-none-b8": Case("SFT, no checkpointing, 8 rows", SFT, (*NONE, "per_device_train_batch_size=8")),
    "dpo-b4": Case("DPO, checkpointed, 4 pairs", DPO, ("per_device_train_batch_size=4",)),
    "trl-none": Case("TRL's defaults, SFT, no checkpointing, 4 rows", None, NONE),
}
WARM_UP = 3
PIECES: dict[str, Any] = {}  # the product's own functions, where a case has left them out
COLUMNS = "| case | tokens/s | padding | peak reserved, GB | predicted | of the matrix rate, done | useful | s/step |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="llama3-8b")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--steps", type=int, default=8, help="measured, after three that are not")
    parser.add_argument("--json", type=Path, help="write all rows here")
    parser.add_argument("--seconds", type=int, default=120, help="after which a case is given up")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TQDM_DISABLE": "1",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
    }
    if options.check:
        check()
        return
    if options.case:
        row = measure(CASES[options.case], options.shape, options.steps, options.profile)
        print("RESULT " + json.dumps(row), flush=True)
        return
    print(COLUMNS + "\n" + "|---" * (COLUMNS.count("|") - 1) + "|", flush=True)
    rows = []
    for name in options.cases:
        row = run(name, options)
        rows.append({"case": name, "title": CASES[name].title, **row})
        print(line(CASES[name].title, row), flush=True)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1), "utf-8")
    tell_device(rows)


def tell_device(rows: list[dict[str, Any]]) -> None:
    measured = [row for row in rows if "device" in row]
    if measured:
        rates = sorted(row["matrix_tflops"] for row in measured)
        where = f"{measured[0]['device']}, torch {measured[0]['torch']}"
        print(f"\n{where}; matrix rate {rates[0]:.4g} to {rates[-1]:.4g} TFLOP/s.")


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One case in a process of its own; a row of measurements, or of what went wrong."""
    command = [sys.executable, __file__, "--case", name, "--shape", options.shape, "--steps", str(options.steps)]
    if options.profile:
        command += ["--profile", str(options.profile)]
    began = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=options.seconds)
    except subprocess.TimeoutExpired:
        return {"failed": f"more than {options.seconds} s"}
    for text in done.stdout.splitlines():
        if text.startswith("RESULT "):
            return {**json.loads(text.removeprefix("RESULT ")), "wall_s": round(time.perf_counter() - began, 1)}
    told = [text for text in done.stderr.strip().splitlines() if text.strip()]
    print("\n".join(told[-6:]), file=sys.stderr, flush=True)
    return {"failed": (told[-1] if told else f"exit {done.returncode}")[:200]}


def line(title: str, row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"| {title} | {row['failed']} |"
    rate = row["matrix_tflops"]
    planned = f"{row['planned_gb']:.1f}" if row.get("planned_gb") else ""
    cells = [title, f"{row['tokens_per_s']:,.0f}", f"{row['padding']:.1%}", f"{row['peak_reserved_gb']:.1f}", planned]
    cells += [f"{row['tflops_done'] / rate:.0%}", f"{row['tflops_useful'] / rate:.0%}", f"{row['step_s']:.2f}"]
    return f"| {' | '.join(cells)} |"


def measure(case: Case, shape: str, steps: int, profile: Path | None = None) -> dict[str, Any]:
    """Build the model, train a few steps, and count."""
    import torch

    from training import precision

    cuda = torch.cuda.is_available()
    began = time.perf_counter()
    if case.cap and cuda:
        torch.cuda.set_per_process_memory_fraction(case.cap * 1e9 / torch.cuda.get_device_properties(0).total_memory)
    held = precision.pick("fp16" if cuda and "precision=fp16" in case.overrides else "auto")
    matrix = matrix_rate(torch.float16 if held.name == "fp16" else torch.bfloat16 if cuda else torch.float32)
    trainer, planned = build(case, shape, held, steps + WARM_UP)
    clock = Clock()
    trainer.add_callback(clock.callback())
    built = time.perf_counter() - began
    trainer.train()
    logs = [entry for entry in trainer.state.log_history if "num_tokens" in entry]
    tokens = logs[-1]["num_tokens"] - logs[WARM_UP - 1]["num_tokens"]
    seconds = clock.ends[-1] - clock.ends[WARM_UP - 1]
    padding = 1 - tokens / sum(clock.cells[WARM_UP:])
    sizes = Sizes.of(trainer.model)
    done, useful = sizes.flops(trainer.args, case, mean_context(trainer))
    if profile:
        profile_step(trainer, profile)
    return {
        "tokens_per_s": tokens / seconds,
        "padding": padding,
        "step_s": seconds / steps,
        "steps_s": [end - before for before, end in itertools.pairwise(clock.ends)],
        "peak_reserved_gb": torch.cuda.max_memory_reserved() / 1e9 if cuda else 0.0,
        "peak_allocated_gb": torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0,
        "planned_gb": planned / 1e9,
        "tflops_done": done * tokens / seconds / 1e12,
        "tflops_useful": useful * tokens / seconds / 1e12,
        "matrix_tflops": matrix,
        "loss": [entry["loss"] for entry in logs],
        "build_s": built,
        "device": torch.cuda.get_device_name() if cuda else "CPU",
        "torch": torch.__version__,
        "adapter_dtypes": sorted({str(p.dtype) for p in trainer.model.parameters() if p.requires_grad}),
        "settings": asdict(case),
    }


def profile_step(trainer: Any, file: Path) -> None:
    """What one more forward and backward pass spends its time on."""
    import torch

    batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    trainer.model.train()
    with torch.profiler.profile() as profiler:
        trainer.training_step(trainer.model_wrapped, batch)
    by = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    table = profiler.key_averages().table(sort_by=by, row_limit=40, max_name_column_width=70)
    with file.open("a", encoding="utf-8") as out:
        out.write(f"{trainer.args.output_dir}\n{table}\n")


def check() -> None:
    """Loss and adapter gradients of a packed row of documents with the kernels, beside plain layers and one document alone."""
    import torch

    from training import precision

    held = precision.pick()
    kept: dict[str, tuple[float, Any]] = {}
    print("| kernels | loss | relative difference of the gradients |\n|---|---|---|")
    for name in ("sft-plain", "sft-no-liger", "sft-no-fused", "sft-no-attention", "sft"):
        trainer, _ = build(CASES[name], "small", held, 1)
        torch.manual_seed(1)
        for parameter in trainer.model.parameters():
            if parameter.requires_grad:
                parameter.data.normal_(0, 0.003)  # larger ones make so small a network chaotic in bf16
        trainer.model.train()
        batch = trainer._prepare_inputs(trainer.data_collator([trainer.train_dataset[index] for index in range(4)]))
        with trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        gradients = torch.cat([p.grad.flatten().float() for p in trainer.model.parameters() if p.requires_grad])
        kept[name] = (loss.item(), gradients)
        plain = kept["sft-plain"][1]
        apart = ((gradients - plain).norm() / plain.norm()).item()
        print(f"| {', '.join(CASES[name].pieces) or 'none'} | {loss.item():.5f} | {apart:.2e} |", flush=True)


def build(case: Case, shape: str, held: Any, steps: int) -> tuple[Any, float]:
    """The product's trainer for the case's recipe and the bytes it predicts, or TRL's own with its defaults."""
    import transformers

    from training import base_model, dpo, fused_lora, kernels, memory, recipe, sft

    transformers.set_seed(0)
    transformers.utils.logging.disable_progress_bar()
    config = transformers.LlamaConfig(**SHAPES[shape], bos_token_id=0, eos_token_id=1, pad_token_id=2, use_cache=False)
    length = 2048 if shape == "llama3-8b" else 256
    tokenizer = words(config.vocab_size)
    model = base_model.assemble(config, base_model.nf4(held), held, random_values(held))
    base = base_model.Base(model, tokenizer, held)
    folder = Path(tempfile.mkdtemp(prefix=re.sub(r"\W+", "-", case.title) + "-"))
    few = [f"max_steps={steps}", "gradient_accumulation_steps=1", "logging_steps=1", "save_strategy=no"]
    if case.recipe is None:
        import peft
        import trl

        arguments = trl.SFTConfig(
            output_dir=str(folder),
            max_length=length,
            max_steps=steps,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=held.device == "cpu",
            bf16=held.device == "cuda",
            **({"activation_checkpointing": False, "per_device_train_batch_size": 4} if case.overrides else {}),
        )
        lora = peft.LoraConfig(task_type="CAUSAL_LM", r=64, lora_alpha=128, use_rslora=True, target_modules="all-linear")
        rows = documents(arguments.per_device_train_batch_size * steps, length, config.vocab_size)
        own = trl.SFTTrainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer, peft_config=lora)
        return own, 0.0
    limits = ["max_length=256"] if shape == "small" else []
    stage = recipe.load(ROOT / case.recipe, [*few, *limits, *case.overrides, "data.train=made"])
    for module, name, piece in (
        (kernels, "packed_attention", "attention"),
        (kernels, "liger", "liger"),
        (fused_lora, "fuse", "fused"),
    ):
        original = PIECES.setdefault(name, getattr(module, name))
        setattr(module, name, original if piece in case.pieces else lambda *given: 0)
    planned = memory.plan(stage, config, held, 0).total
    batch = stage.trainer["per_device_train_batch_size"]
    if stage.stage == "sft":
        rows = documents(max(40, batch * (steps + 2) * 3), length, config.vocab_size)
        return sft.build_trainer(stage, base, rows, None, folder), planned
    rows = pairs(batch * steps, stage.max_length or length, config.vocab_size)
    return dpo.build_trainer(stage, base, rows, None, folder), planned


class Clock:
    """When each step ended, with the device's work done, and how many cells its batches had, padding too."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.cells: list[int] = []

    def callback(self) -> Any:
        import torch
        import transformers

        clock = self

        class Ends(transformers.TrainerCallback):  # type: ignore[misc]
            def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
                model.register_forward_pre_hook(self.count, with_kwargs=True)

            @staticmethod
            def count(module: Any, args: Any, kwargs: Any) -> None:
                if module.training and torch.is_grad_enabled():
                    clock.cells.append(kwargs["input_ids"].numel())

            def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                clock.ends.append(time.perf_counter())

        return Ends()


def mean_context(trainer: Any) -> float:
    """How many earlier tokens of its own document a token sees, on average."""
    lengths: list[int] = []
    for row in trainer.train_dataset:
        if "seq_lengths" in row:
            lengths += row["seq_lengths"]
        elif "input_ids" in row:
            lengths.append(len(row["input_ids"]))
        else:
            lengths += [len(row["prompt_ids"]) + len(row[side]) for side in ("chosen_ids", "rejected_ids")]
    return sum(length * length / 2 for length in lengths) / sum(lengths)


@dataclass(frozen=True)
class Sizes:
    """Weights that a token is multiplied with: in the blocks, the last products of the blocks, their adapters and the head."""

    blocks: int
    last: int
    adapters: int
    head: int
    layers: int
    width: int

    @classmethod
    def of(cls, model: Any) -> Sizes:
        config = model.config
        head_size = config.hidden_size // config.num_attention_heads
        keys = config.num_key_value_heads * head_size
        block = 2 * config.hidden_size**2 + 2 * config.hidden_size * keys + 3 * config.hidden_size * config.intermediate_size
        adapters = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
        return cls(
            config.num_hidden_layers * block,
            config.num_hidden_layers * config.hidden_size * config.intermediate_size,
            adapters,
            config.vocab_size * config.hidden_size,
            config.num_hidden_layers,
            config.hidden_size,
        )

    def flops(self, args: Any, case: Case, context: float) -> tuple[float, float]:
        """Of one token's forward and backward pass: all that is done, and what is left without computing anything twice.

        Backward: only the gradient by the input for frozen weights, by input and weight for adapters and attention. The head's
        product is computed again in the backward pass. DPO scores about 0.6 of its tokens. The fused adapter spares
        a checkpointed block its last product.
        """
        scored = 0.6 if "dpo" in (case.recipe or "") else 1.0
        attention = 4 * self.layers * self.width * context
        forward = 2 * self.blocks + 2 * self.adapters + attention
        backward = 2 * self.blocks + 4 * self.adapters + 2.5 * attention
        useful = forward + backward + scored * 4 * self.head
        again = scored * 2 * self.head
        if args.activation_checkpointing:
            spared = 2 * self.last if case.recipe and "fused" in case.pieces else 0
            again += (forward - spared) / (args.activation_checkpointing_kwargs or {}).get("every_n_layers", 1)
        return useful + again, useful


def matrix_rate(dtype: Any) -> float:
    """TFLOP/s of a square product on random values: the median of ten after three."""
    import torch

    cuda = torch.cuda.is_available()
    size = 8192 if cuda else 1024
    left, right = (torch.randn(size, size, device="cuda" if cuda else "cpu", dtype=dtype) for _ in range(2))
    times = []
    for _ in range(13):
        if cuda:
            torch.cuda.synchronize()
        began = time.perf_counter()
        left @ right
        if cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return 2 * size**3 / sorted(times[3:])[5] / 1e12


if __name__ == "__main__":
    main()
