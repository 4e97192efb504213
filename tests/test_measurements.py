"""``python -m bench`` at a tiny size: which figures there are and where they go, not how large."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import gpu
from bench.figures import FAILED, Figure, Goal, Missing
from bench.measuring import measured
from bench.peers import comparison
from bench.report import Report

ROOT = Path(__file__).parents[1]


def test_a_smoke_run_prints_a_table_and_writes_it_as_json_and_on_a_page(tmp_path):
    page, told = tmp_path / "page.md", tmp_path / "bench.json"
    page.write_text("before\n<!-- speed: begin -->\nold\n<!-- speed: end -->\nafter\n")
    command = [sys.executable, "-m", "bench", "--quick", "--page", page, "--json", told]
    command += ["http_throughput", "gpu"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(told.read_text())
    assert found["measured_on"].keys() >= {"processor", "cores", "python", "onnxruntime", "date"}
    over_json, over_protobuf, alone, on_gpu, peers = found["figures"]
    for figure in (over_json, over_protobuf, alone):
        assert figure["ratio"] == pytest.approx(figure["value"] / figure["baseline_value"])
        assert figure["baseline"].startswith("bare graph")
        row = f"| {figure['what']} | "
        assert row in page.read_text()
        assert figure["what"] in done.stdout.rpartition("== ")[2]
    assert "GPU" in on_gpu["what"] or "cuda" in on_gpu["what"]
    assert "--peers" in peers["not_measured"]
    assert page.read_text().startswith("before\n<!-- speed: begin -->\nMeasured on: processor ")
    assert page.read_text().endswith("<!-- speed: end -->\nafter\n")


def test_one_that_fails_costs_its_own_line_alone():
    (failed,) = measured("association", ["--seeds", "none"])
    assert isinstance(failed, Missing)
    assert failed.why.startswith(FAILED)
    report = Report()
    report.add([failed])
    assert report.has_failed


def test_goals_are_of_the_ratio_or_of_the_figure(tmp_path):
    report = Report()
    report.add(
        [
            Figure("faster", np.float32(30), "frames/s", "slow", np.float64(20), Goal(1.4)),
            Figure("slower", 20, "frames/s", "fast", 40, Goal(0.7)),
            Figure("small", 200, "MB", "bare", 100, Goal(220, at_most=True, of_value=True)),
            Missing("elsewhere", "not here"),
        ]
    )
    _, faster, slower, small, elsewhere = report.table().splitlines()
    assert faster.split()[-4:] == ["1.50×", "≥", "1.4×:", "met"]
    assert slower.split()[-4:] == ["0.50×", "≥", "0.7×:", "missed"]
    assert small.split()[-5:] == ["2.00×", "≤", "220", "MB:", "met"]
    assert elsewhere.endswith("not measured: not here")
    assert not report.has_failed
    report.write_json(tmp_path / "bench.json")
    first, *_ = json.loads((tmp_path / "bench.json").read_text())["figures"]
    assert (first["value"], first["ratio"], first["is_met"]) == (30, 1.5, True)


def test_other_servers_are_left_out_where_they_are_not_installed(tmp_path, capsys):
    (missing,) = comparison.main(["--python", str(tmp_path / "python")])
    assert isinstance(missing, Missing)
    assert "bench/peers/requirements.txt" in capsys.readouterr().out


def test_the_gpu_script_checks_what_it_measures(capsys):
    """On the CPU, as far as that goes."""
    small = ["--provider", "cpu", "--frames", "9", "--tracks", "2", "--seconds", "0.01"]
    figures = gpu.main(small)
    assert all(isinstance(each, Figure) and each.value > 0 for each in figures)
    assert capsys.readouterr().out.count("m from the CPU") == 3


def test_the_gpu_script_measures_nothing_that_is_wrong(monkeypatch):
    monkeypatch.setattr(gpu, "_MOST_AWAY_M", {"fp32": -1.0, "fp16": -1.0})
    with pytest.raises(RuntimeError, match="not measured"):
        gpu.main(["--provider", "cpu", "--frames", "9", "--tracks", "2", "--seconds", "0.01"])
