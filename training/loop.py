"""The training loop (the paper, §5.3), to be read from top to bottom."""

import time
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from service.errors import Invalid
from training import losses
from training.checkpoint import (
    Checkpoint,
    CheckpointError,
    build_model,
    load,
    load_weights,
    save,
)
from training.config import TrainConfig
from training.datasets.motion import MotionSet
from training.evaluation import CONDITIONS, SEED
from training.model import StridedTemporalModel, TemporalModel
from training.plot import plot_history
from training.views import FilmingOptions, Footage, film_all
from training.windows import Windows

_HELD_OUT_WINDOWS = 4096


def filming_options(config: TrainConfig) -> FilmingOptions:
    """How the run films its motion."""
    return FilmingOptions(
        keypoint_format=config.keypoint_format,
        normalisation=config.normalisation,
        causal=config.causal,
        noise=config.noise,
        speed=config.speed,
        flip=config.flip,
        backwards=config.backwards,
        recombination=config.recombination,
        proportions=config.proportions,
    )


class Trainer:
    """A training run: its model and optimiser, and what one epoch does to them."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.device = _device(config.device)
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.model = build_model(config).to(self.device)
        self.strided = StridedTemporalModel(self.model)
        self.average = _average_of(self.model, config.weight_average)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=config.learning_rate, amsgrad=True
        )
        motions = MotionSet.load(config.data)
        self.summary = motions.summary()
        if motions.held_out.all():
            raise Invalid.at(str(config.data), "at least one clip that is not held out")
        self.motions = motions.split(held_out=False)
        self.history: list[dict[str, float]] = []
        self.held_out = self._film_held_out(motions.split(held_out=True))

    def begin_with(self, path: Path) -> None:
        """Take over another run's weights; it need not have seen the same, but be built alike.

        Raises:
            CheckpointError: it is of another architecture.
        """
        checkpoint = load(path)
        if checkpoint.config.causal != self.config.causal:
            raise CheckpointError(f"{path}: one of the two is causal, the other is not")
        load_weights(self.model, checkpoint.best, path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint of the same run; epochs not yet done come out the same."""
        checkpoint = load(path)
        changed = _changed(checkpoint.config, self.config)
        if changed:
            raise CheckpointError(f"{path}: was made with another {', '.join(changed)}")
        if checkpoint.motions != self.summary:
            raise CheckpointError(f"{path}: was trained on other motion than {self.config.data}")
        load_weights(self.model, checkpoint.model, path)
        if self.average is not None and checkpoint.average is not None:
            load_weights(self._measured, checkpoint.average, path)
            self.average.n_averaged.fill_(1)  # else it would begin anew
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.history = checkpoint.history

    def run(self) -> None:
        """Train the epochs that are left, saving after each."""
        self.config.output.mkdir(parents=True, exist_ok=True)
        with SummaryWriter(self.config.output) as writer:
            for epoch in range(len(self.history), self.config.epochs):
                entry = self.train_epoch(epoch) | self.evaluate()
                self.history.append(entry)
                for name, value in entry.items():
                    writer.add_scalar(name, value, epoch + 1)
                tqdm.write(_summary(epoch + 1, self.config.epochs, entry))
                self.save()
                plot_history(self.history, self.config.output / "curves.png")

    def save(self) -> None:
        """Write the checkpoint of the epochs done so far."""
        checkpoint = Checkpoint(
            self.config,
            self.summary,
            self.model.state_dict(),
            self.optimizer.state_dict(),
            self.history,
            None if self.average is None else self._measured.state_dict(),
        )
        save(checkpoint, self.config.output / "checkpoint.pt")

    def train_epoch(self, epoch: int) -> dict[str, float]:
        """Film everything afresh and take one pass over shuffled windows."""
        started = time.monotonic()
        windows, generator = self._fresh_windows(epoch)
        self._set_rates(epoch)
        count = min(self.config.windows_per_epoch or len(windows), len(windows))
        filmed_s = time.monotonic() - started
        self.strided.train()
        total = torch.zeros((), device=self.device)
        steps = 0
        with tqdm(total=count, unit="window", desc=f"epoch {epoch + 1}", leave=False) as progress:
            batches = windows.shuffled(
                self.config.batch_size,
                count,
                generator,
                self.config.short_context,
                pairs=self.config.velocity_weight > 0,
            )
            for inputs, targets in batches:
                if len(inputs) < 2:
                    continue  # batch normalisation needs two
                total += self._step(inputs, targets)
                steps += 1
                progress.update(len(inputs))
        elapsed_s = time.monotonic() - started
        return {
            "training MPJPE (mm)": float(total) / max(steps, 1) * 1000,
            "windows per second": count / elapsed_s,
            "seconds": elapsed_s,
            "filming seconds": filmed_s,
        }

    def _fresh_windows(self, epoch: int) -> tuple[Windows, torch.Generator]:
        # All that is random in an epoch follows from the seed and its number, so a resumed run
        # needs no generator states to come out the same, bit for bit.
        seeds = np.random.SeedSequence([self.config.seed, epoch])
        rng = np.random.default_rng(seeds)
        torch.manual_seed(int(seeds.generate_state(1)[0]))
        generator = torch.Generator().manual_seed(int(seeds.generate_state(2)[1]))
        footage = film_all(self.motions, filming_options(self.config), rng, self.config.views)
        return self._windows(footage), generator

    def _step(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"
        ):
            predicted = self.strided(inputs)
        loss = losses.mpjpe(predicted.float(), targets)
        error = loss.detach()
        if self.config.velocity_weight:
            velocity_error = losses.velocity_error(predicted.float(), targets)
            loss = loss + self.config.velocity_weight * velocity_error
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return error

    @property
    def _measured(self) -> TemporalModel:
        """What is measured and exported: the model, or the average of its weights."""
        if self.average is None:
            return self.model
        averaged = self.average.module
        assert isinstance(averaged, TemporalModel)
        return averaged

    def _set_rates(self, epoch: int) -> None:
        """Decay the learning rate and batch normalisation's momentum exponentially."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * self.config.learning_rate_decay**epoch
        first, last = self.config.batch_norm_momentum
        share = epoch / max(self.config.epochs - 1, 1)
        for batch_norm in self.model.batch_norms:
            batch_norm.momentum = first * (last / first) ** share

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """MPJPE in millimetres on the same held-out windows every time."""
        strided = StridedTemporalModel(self._measured).eval()
        return {name: self._error(strided, windows) for name, windows in self.held_out.items()}

    def _error(self, strided: StridedTemporalModel, windows: Windows) -> float:
        chosen = torch.linspace(0, len(windows) - 1, min(_HELD_OUT_WINDOWS, len(windows))).long()
        errors = [
            losses.mpjpe(strided(inputs), targets) * len(inputs)
            for inputs, targets in map(windows.cut, chosen.to(self.device).split(512))
        ]
        return float(torch.stack(errors).sum()) / len(chosen) * 1000

    def _film_held_out(self, motions: MotionSet) -> dict[str, Windows]:
        if len(motions.names) == 0:
            return {}
        options = filming_options(self.config)
        return {
            f"held-out MPJPE, {condition} (mm)": self._windows(
                film_all(
                    motions,
                    options.for_measuring(noise),
                    np.random.default_rng(SEED),
                )
            )
            for condition, noise in CONDITIONS.items()
        }

    def _windows(self, footage: Footage) -> Windows:
        return Windows(footage, self.model.receptive_field, self.config.causal, self.device)


def _average_of(model: TemporalModel, share: float) -> AveragedModel | None:
    """An exponential average of a model's weights and statistics, if any is wanted."""
    if not share:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(share), use_buffers=True)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _changed(old: TrainConfig, new: TrainConfig) -> list[str]:
    """Settings that differ and would make a resumed run another run."""
    free = {"data", "output", "initial", "device", "threads", "epochs"}
    return [
        name
        for name in TrainConfig.model_fields
        if name not in free and getattr(old, name) != getattr(new, name)
    ]


def _summary(epoch: int, epochs: int, entry: dict[str, float]) -> str:
    figures = ", ".join(f"{name} {value:.1f}" for name, value in entry.items())
    return f"epoch {epoch}/{epochs}: {figures}"
