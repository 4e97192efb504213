"""The paper's comparisons: runs are kept and resumed, and the page has their findings."""

import json
from dataclasses import replace
from itertools import chain

import pytest

from tests.training.motions import motion_set
from training.config.train_config import flattened
from training.loop.process_pool import result_path, settings_of
from training.metrics import METRICS
from training.reproduction.comparisons import Reproduction
from training.reproduction.experiments import SINGLE, SUBSETS, everything, semi_supervised
from training.reproduction.page import PAPER_TABLE_5, Run, complexity, write_page

SUBJECTS = ("07", "08", "10", "12")


@pytest.mark.parametrize(
    ("widths", "dense", "parameters", "operations"),
    [
        ((3, 3, 3), False, 8_555_571, 17_090_560),
        ((3, 3, 3, 3), False, 12_753_971, 25_479_168),
        ((3, 3, 3, 3, 3), False, 16_952_371, 33_867_776),
        ((3, 3, 3), True, 29_527_091, 59_033_600),
    ],
)
def test_table_5_is_counted_exactly(widths, dense, parameters, operations):
    counted = complexity(widths, dense)
    assert counted == (parameters, operations)
    in_the_paper = [row for row in PAPER_TABLE_5 if row[0] == round(parameters / 1e6, 2)]
    assert in_the_paper[0][1] == round(operations / 1e6, 2)


def runs(error_of):
    found = {}
    for experiment in everything(SUBJECTS):
        errors = dict.fromkeys(METRICS, error_of(experiment))
        found[experiment.name] = Run(errors, errors, 30.0, 1.0)
    return found


def test_runs_have_names_of_their_own():
    names = [each.name for each in everything(SUBJECTS)]
    assert len(set(names)) == len(names)
    semi = semi_supervised(SUBJECTS)
    assert semi["semi-supervised"][SUBSETS[0]].settings["unlabelled_subjects"] == ("10", "12")


def test_the_page_says_no_where_a_finding_was_not_reproduced(tmp_path):
    page = tmp_path / "page.md"
    write_page(page, SUBJECTS, runs(lambda _: 50.0), {"channels": 8})
    text = page.read_text()
    assert "| **no** | by 0% |" in text
    assert "channels 8" in text
    assert "16,952,371" in text
    assert (tmp_path / "page" / "figure5.png").stat().st_size > 5_000


def test_remarks_are_kept_in_a_new_page(tmp_path):
    page = tmp_path / "page.md"
    write_page(page, SUBJECTS, runs(lambda _: 50.0), {})
    page.write_text(page.read_text() + "\n## Remarks\n\nToo few people.\n")
    for _ in range(2):
        write_page(page, SUBJECTS, runs(lambda _: 40.0), {})
        assert page.read_text().endswith("\n\n## Remarks\n\nToo few people.\n")
    assert page.read_text().count("Remarks") == 1


def test_the_page_says_yes_where_a_finding_was_reproduced(tmp_path):
    page = tmp_path / "page.md"
    write_page(page, SUBJECTS, runs(lambda each: 60.0 if each is SINGLE else 15.0), {})
    assert "falls by about three quarters (here: 65 to 85%) | yes | by 75%" in page.read_text()


def test_finished_runs_are_kept(tmp_path, command):
    """All runs but one are present: that one is trained, and the page written."""

    def reproduce(settings):
        options = {f"--{name.replace('_', '-')}": value for name, value in settings.items()}
        return command("training.reproduce", "--jobs", 1, *chain.from_iterable(options.items()))

    motions = motion_set(clips=4, frames=40)
    names = ("07", "10", "12", "131")
    motions = replace(motions, subjects=names, held_out=motions.held_out & False)
    held_out = motions.held_out.copy()
    held_out[-1] = True
    replace(motions, held_out=held_out).save(tmp_path / "motions.npz")
    output = tmp_path / "runs"
    settings = {
        "motion": tmp_path / "motions.npz",
        "output": output,
        "channels": 8,
        "epochs": 1,
        "windows_per_epoch": 512,
        "batch_size": 256,
    }
    options = Reproduction(**settings)
    for experiment in everything(names[:3]):
        if experiment != SINGLE:
            path = result_path(output / experiment.name)
            path.parent.mkdir(parents=True)
            errors = dict.fromkeys(METRICS, 40.0)
            result = {"errors": errors, "flipped": errors, "training": 30.0, "minutes": 1}
            config = flattened(settings_of(options.config(experiment)))
            del config["bone_weight"]  # as in results from before there was such a setting
            path.write_text(json.dumps({**result, "settings": config}))
    settings["page"] = tmp_path / "page.md"
    done = reproduce(settings)
    assert done.returncode == 0, done.stderr
    assert "(1 runs in" in done.stdout
    assert json.loads(result_path(output / SINGLE.name).read_text())["errors"]["MPJPE"] > 0
    assert "epoch 1/1" in (output / "single" / "log.txt").read_text()
    assert "## Figure 5" in (tmp_path / "page.md").read_text()
    other = tmp_path / "other.npz"
    replace(motions, held_out=~held_out).save(other)
    refused = reproduce({**settings, "motion": other})
    assert f"expected recordings of {other}" in refused.stderr
    refused = reproduce({**settings, "channels": 16})
    assert refused.returncode != 0
    assert "result.json: expected the settings of this command" in refused.stderr
