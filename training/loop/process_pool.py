"""Training runs at the same time, each in a process of its own; finished ones are kept."""

import json
import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from tqdm import tqdm

from poselift.errors import InvalidInput
from training.config.train_config import TrainConfig
from training.loop.trainer import CHECKPOINT, Trainer

Measure = Callable[[Path], dict[str, Any]]
"""What is to be known of a run's checkpoint, for JSON; a function of a module, to be sent about."""


def result_path(folder: Path) -> Path:
    """Where the result of a run in this folder is."""
    return folder / "result.json"


def run_all(
    configs: Mapping[str, TrainConfig], measure: Measure, jobs: int
) -> dict[str, dict[str, Any]]:
    """Train and measure all runs that have not been; one that was stopped goes on where it was.

    So many ``jobs`` run at the same time, each with an output folder of its own. Once one fails,
    those that wait are not begun. Returns what was measured of every run, and the ``minutes`` that
    its training took. Raises `InvalidInput` if a folder holds the result of other settings.
    """
    waiting = {name: config for name, config in configs.items() if _result(config) is None}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, max_tasks_per_child=1) as pool:
        futures = {
            pool.submit(_run, config, name, measure): name for name, config in waiting.items()
        }
        try:
            for future in tqdm(as_completed(futures), total=len(futures), unit="run"):
                future.result()
                tqdm.write(f"done: {futures[future]}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    results = {name: _result(config) for name, config in configs.items()}
    return {name: result for name, result in results.items() if result is not None}


def _result(config: TrainConfig) -> dict[str, Any] | None:
    """What a run measured, if it is finished."""
    path = result_path(config.run.output)
    if not path.exists():
        return None
    result: dict[str, Any] = json.loads(path.read_text())
    # Settings that are newer than the result had no effect, as their defaults have none.
    if settings_of(TrainConfig.model_validate(result.pop("settings"))) != settings_of(config):
        raise InvalidInput.at(str(path), "the settings of this command; move the folder away")
    return result


def settings_of(config: TrainConfig) -> dict[str, Any]:
    """Those that a run's result depends on."""
    return config.model_dump(mode="json", exclude={"run": {"output", "threads", "device"}})


def _run(config: TrainConfig, name: str, measure: Measure) -> None:
    """Train and measure one run, with a log in its folder."""
    config.run.output.mkdir(parents=True, exist_ok=True)
    log_path = config.run.output / "log.txt"
    with log_path.open("a") as log, redirect_stdout(log), redirect_stderr(log):
        trainer = Trainer(config)
        checkpoint = config.run.output / CHECKPOINT
        if checkpoint.exists():
            trainer.resume(checkpoint)
        trainer.run()
        seconds = sum(entry["seconds"] for entry in trainer.history)
        result = {
            "name": name,
            **measure(checkpoint),
            "minutes": round(seconds / 60, 2),
            "settings": settings_of(config),
        }
    partial = config.run.output / "result.partial"
    partial.write_text(json.dumps(result, indent=2) + "\n")
    partial.replace(result_path(config.run.output))
