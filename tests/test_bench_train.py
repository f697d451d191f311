# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The training benchmark runs at a tiny size, and counts operations as torch does."""

import json
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode


BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    torch.set_num_threads(threads)
    for name in ("common", "bench_model", "bench_train", "training_flops", "plan_cluster"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("arm", ["SR-3D, 3D and eight regions", "InternVL"])
def test_operations_are_those_that_torch_counts(arm, method):
    import bench_model
    import bench_train
    from training_flops import sizes_of, step_flops

    shapes = bench_model.Shapes(
        bench_model._vision(96, 256, 3, 4, image_size=112), bench_model._text(128, 384, 3, 4, 500), 2, 4, torch.float32
    )
    model = bench_model.make_model(arm, shapes, "cpu")
    model.set_attn_implementation("eager")  # the products that fused attention hides
    model = bench_train.prepare(model, method)
    inputs = bench_model.make_inputs(shapes)[arm]
    with FlopCounterMode(display=False) as counter:
        model(**inputs, labels=inputs["input_ids"]).loss.backward()
    ours = step_flops(
        sizes_of(model), tokens=inputs["input_ids"].shape[1], tiles=len(inputs["pixel_values"]), method=method
    )
    assert ours == pytest.approx(counter.get_total_flops(), rel=0.06)


def test_benchmark_runs_at_a_tiny_size(tmp_path, capsys):
    import bench_train

    sizes = ["--shapes", "tiny", "--repetitions", "2", "--warmup", "1", "--threads", "1", "--max-views", "2"]
    assert bench_train.main([*sizes, "--activation-checkpointing", "--output", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "train_lora_tiny_cpu.json").read_text())
    printed = capsys.readouterr().out
    assert [row["views"] for row in report["tables"]["scenes"]] == ["1", "2"]
    for row in (*report["tables"]["scenes"], *report["tables"]["rates"]):
        assert f"| {' | '.join(row.values())} |" in printed


def test_scene_that_does_not_fit_ends_the_table(monkeypatch):
    import bench_train

    found = {"tokens": 40, "tiles": 1, "seconds": 2.0, "flops": 1e9, "bytes_peak": 3 * 2**30}
    options = bench_train.parse_options(["--memory-gib", "4"])
    monkeypatch.setattr(bench_train, "_run_scene", lambda views, options: found if views < 4 else "more than 4 GiB")
    rows = bench_train.measure_scenes(options, peak=1e9)
    assert [row["views"] for row in rows] == ["1", "2", "4"]
    assert rows[1] == {
        "views": "2", "tokens": "40", "step": "2.00 s", "tokens/s": "20", "MFU": "50 %", "peak": "3.00 GiB",
    }  # fmt: skip
    assert rows[2]["peak"] == "more than 4 GiB"


def test_page_shows_what_the_command_prints(capsys):
    import plan_cluster

    assert plan_cluster.main([]) == 0
    printed = capsys.readouterr().out
    assert printed in (BENCHMARKS.parent / "docs" / "scaling.md").read_text()
    with pytest.raises(ValueError, match="each MFU at most 1"):
        plan_cluster.main(["--mfu", "40"])


def test_memory_and_time_by_hand(capsys):
    import plan_cluster

    model = plan_cluster.make_model("full")
    full, bare = plan_cluster.KINDS[:2]
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    masters = [plan_cluster.memory_bytes(model, kind, num_gpus=8, tokens=100) for kind in (full, bare)]
    assert masters[0] - masters[1] == pytest.approx(8 * trained / 8)
    assert 7.0e9 < trained < 8.0e9
    plan_cluster.main(["--gpus", "1", "--samples", "86400", "--mfu", "1", "--peak-tflops", "1"])
    row = capsys.readouterr().out.splitlines()[2].split(" | ")
    assert float(row[5]) == pytest.approx(float(row[3]), abs=0.51)  # a sample a day per TFLOP
