# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The benchmarks run at a tiny size, print their tables, and keep the contract written in `benchmarks/README.md`."""

import json
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch


BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
METADATA = {"date", "commit", "python", "torch", "transformers", "cpu", "cores", "threads", "load_average", "device"}


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    """Import benchmarks as their scripts do, and give back the number of threads that they set."""
    threads = torch.get_num_threads()
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    torch.set_num_threads(threads)
    for name in ("common", "bench_preprocess", "bench_model", "report"):
        sys.modules.pop(name, None)


def check_report(path: Path, printed: str) -> dict:
    report = json.loads(path.read_text())
    assert set(report["metadata"]) >= METADATA
    assert {"shapes", "repetitions", "warmup"} <= set(report["settings"])
    for entry in report["comparisons"]:
        assert f"| {entry['claim']} |" in printed
        assert entry["q1"] <= entry["median"] <= entry["q3"]
        assert entry["verdict"] in {"met", "within spread", "missed", "information"}
    for name in report["arms"]:
        assert f"| {name} |" in printed
    return report


def test_arms_run_in_turns_and_warm_up_is_dropped():
    from common import measure

    calls = []

    def arm(name):
        return lambda: calls.append(name) or {"seconds": float(len(calls))}

    samples = measure({"A": arm("A"), "B": arm("B")}, repetitions=2, warmup=1)
    assert calls == ["A", "B"] * 3
    assert samples == {"A": {"seconds": [3.0, 5.0]}, "B": {"seconds": [4.0, 6.0]}}


@pytest.mark.parametrize(
    ("target", "verdict"), [(2.0, "met"), (1.5, "within spread"), (1.4, "missed"), (None, "information")]
)
def test_ratios_are_formed_turn_by_turn_and_judged_by_their_median(target, verdict):
    from common import Comparison, compare

    samples = {"ours": {"seconds": [1.0, 4.0, 30.0]}, "peer": {"seconds": [1.0, 2.0, 10.0]}}
    entry = compare(samples, Comparison("claim", "seconds", "ours", "peer", target))
    assert (entry["q1"], entry["median"], entry["q3"]) == (1.5, 2.0, 2.5)  # not median / median, which is also 2 here
    assert entry["verdict"] == verdict


def test_ratios_of_a_drifting_machine_show_no_drift():
    from common import Comparison, compare

    samples = {"ours": {"seconds": [2.0, 20.0, 6.0]}, "peer": {"seconds": [1.0, 10.0, 3.0]}}
    entry = compare(samples, Comparison("claim", "seconds", "ours", "peer", 2.0))
    assert (entry["q1"], entry["median"], entry["q3"]) == (2.0, 2.0, 2.0)


def test_preprocessing_runs_at_a_tiny_size(tmp_path, capsys):
    import bench_preprocess

    assert bench_preprocess.main(["--shapes", "56", "--repetitions", "2", "--output", str(tmp_path)]) == 0
    report = check_report(tmp_path / "preprocess_56_cpu.json", capsys.readouterr().out)
    assert report["settings"]["pixel_values"] == "(13, 3, 56, 56)"
    assert all(len(arm["seconds"]["samples"]) == 2 for arm in report["arms"].values())


def test_unequal_work_is_refused():
    import bench_preprocess

    arms = {
        bench_preprocess.PEER: lambda: {"pixel_values": torch.zeros(13, 3, 8, 8)},
        "fewer tiles": lambda: {"pixel_values": torch.zeros(12, 3, 8, 8)},
    }
    with pytest.raises(ValueError, match=r"`fewer tiles` must return .*\(13, 3, 8, 8\), got \(12, 3, 8, 8\)"):
        bench_preprocess.check_equal_work(arms)
    arms.pop("fewer tiles")
    arms["other filter"] = lambda: {"pixel_values": torch.full((13, 3, 8, 8), 4 / 127.5)}
    with pytest.raises(ValueError, match=r"within 3\.0 grey levels, got 4\.0"):
        bench_preprocess.check_equal_work(arms)


def test_the_model_benchmark_runs_at_a_tiny_size(tmp_path, capsys):
    import bench_model

    sizes = ["--shapes", "tiny", "--repetitions", "2", "--warmup", "1", "--memory-repetitions", "0", "--threads", "1"]
    assert bench_model.main([*sizes, "--output", str(tmp_path)]) == 0
    report = check_report(tmp_path / "model_tiny_cpu.json", capsys.readouterr().out)
    assert report["settings"]["tiles"] == 3
    assert set(report["arms"]) == set(bench_model.ARMS)


def test_all_arms_of_the_model_benchmark_get_equal_pixels_and_equally_many_tokens():
    import bench_model

    shapes = bench_model.SHAPES["tiny"]
    inputs = bench_model.make_inputs(shapes)
    config = bench_model.sr3d_config(shapes)
    assert len({arm["input_ids"].shape for arm in inputs.values()}) == 1
    assert all(torch.equal(arm["pixel_values"], inputs["InternVL"]["pixel_values"]) for arm in inputs.values())
    mentions = {name: int((arm["input_ids"] == config.region_token_id).sum()) for name, arm in inputs.items()}
    assert list(mentions.values()) == [8, 0, 0]
    assert inputs[bench_model.WITH_3D]["patch_valid"].any()
    assert "patch_points" not in inputs[bench_model.PLAIN]


def test_both_language_models_and_towers_have_equal_shapes():
    import bench_model

    shapes = bench_model.SHAPES["small"]
    ours, peer = bench_model.sr3d_config(shapes), bench_model.internvl_config(shapes)
    for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"):
        assert getattr(ours.text_config, name) == getattr(peer.text_config, name), name
    for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"):
        assert getattr(ours.vision_config, name) == getattr(peer.vision_config, name), name
    assert ours.image_tokens_per_tile == peer.image_seq_length == 256


def test_peak_memory_is_that_of_the_arms_own_process(tmp_path):
    import bench_model

    shapes, arm = bench_model.SHAPES["tiny"], bench_model.WITH_3D
    torch.save(bench_model.make_inputs(shapes)[arm], tmp_path / "inputs.pt")
    ballast = torch.ones(2**28)  # 1 GiB in this process must not show in the other
    options = Namespace(shapes="tiny", device="cpu", threads=1)
    measured = bench_model.memory_arm(arm, tmp_path / "inputs.pt", options)()
    assert 2**26 < measured["bytes_peak"] < 2**30 <= ballast.nbytes
    assert 0 < measured["bytes_above_weights"] < measured["bytes_peak"]


def test_the_readme_shows_the_tables_of_the_result_files():
    import report

    text = report.README.read_text()
    assert report.update(text) == text
