"""The training loop (the paper, §5.3), to be read from top to bottom."""

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from poselift.errors import InvalidInput
from training import losses
from training.config.train_config import TrainConfig
from training.data.sequences import Sequences, concatenated
from training.data.sources import Source, open_source
from training.data.windows import Batch, ProcessShare, Windows
from training.figures import plot_history
from training.loop.objective import UNITS, Objective, Terms, hinges, in_metres
from training.loop.processes import choose_device
from training.model import checkpoint as checkpoints
from training.model.model_weights import read_model_folder, renormalise
from training.model.networks import BatchNormMomentum, Networks, Predicted, TrainingForm

CHECKPOINT = "checkpoint.pt"
_HELD_OUT_WINDOWS = 4096
_RENORMALISED_BATCHES = 8
_FLEXION = "flexion"


class DivergedError(ValueError):
    """A run whose losses are no numbers any more."""


class Trainer:
    """A training run: its networks and optimiser, and what one epoch does to them."""

    def __init__(self, config: TrainConfig, share: ProcessShare = ProcessShare()) -> None:  # noqa: B008 - frozen
        self.source: Source = open_source(config)
        if not self.source.summary.subjects:
            expected = "a clip with known poses that is not held out, of these actions and subjects"
            raise InvalidInput.at(str(config.dataset.data), expected)
        # What the data decides is settled here, so that a checkpoint holds all.
        model = config.model.model_copy(update={"keypoint_format": self.source.keypoint_format})
        self.config = config.model_copy(update={"model": model})
        self.share = share
        self.device = choose_device(config.run.device)
        if config.run.threads:
            torch.set_num_threads(config.run.threads)
        torch.manual_seed(config.run.seed)
        skeleton = self.source.summary.skeleton
        self.networks = checkpoints.build_networks(self.config, skeleton).to(self.device)
        how = config.optimisation
        self.form = TrainingForm(self.networks, self.config.spacing, how.freeze_pose)
        self._run_form = _wrapped(self.form, config.run.compile, share, self.device)
        self.momentum = BatchNormMomentum(self.networks.batch_norms, config.run.compile)
        self.average = _average_of(self.networks, how.weight_average)
        learned = [weight for weight in self.networks.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.Adam(learned, lr=how.learning_rate, amsgrad=True)
        self.objective = Objective(config, self.source.keypoint_format, skeleton)
        self.history: list[dict[str, float]] = []
        self.held_out = self._held_out_windows() if share.rank == 0 else {}

    def begin_with(self, path: Path) -> None:
        """Take over the weights of another run's checkpoint, or of an exported model's folder.

        It need not have seen the same, but be built alike.
        """
        model, is_folder = self.config.model, path.is_dir()
        origin = read_model_folder(path, model) if is_folder else checkpoints.origin(path)
        checkpoints.begin_with(self.networks, model.causal, origin)
        if is_folder:
            batches, _ = self._batches(epoch=0)
            chosen = itertools.islice(batches, _RENORMALISED_BATCHES)
            renormalise(self.form, (labelled.inputs_BTJ2 for labelled, _ in chosen))

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint of the same run; epochs not yet done come out the same."""
        checkpoint = checkpoints.load(path)
        if changed := _changed(checkpoint.config, self.config):
            raise checkpoints.CheckpointError(f"{path}: was made with another {', '.join(changed)}")
        if checkpoint.motions != self.source.summary:
            data = self.config.dataset.data
            raise checkpoints.CheckpointError(f"{path}: was trained on other motion than {data}")
        checkpoints.load_weights(self.networks, checkpoint.model, path)
        if self.average is not None and checkpoint.average is not None:
            checkpoints.load_weights(self._measured, checkpoint.average, path)
            self.average.n_averaged.fill_(1)  # else it would begin anew
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.history = checkpoint.history

    def run(self) -> None:
        """Train the epochs that are left; the first process measures and saves after each."""
        epochs, output = self.config.optimisation.epochs, self.config.run.output
        if self.share.rank:
            for epoch in range(len(self.history), epochs):
                self.train_epoch(epoch)
            return
        output.mkdir(parents=True, exist_ok=True)
        with SummaryWriter(output) as writer:
            for epoch in range(len(self.history), epochs):
                entry = self.train_epoch(epoch) | self.evaluate()
                self._refuse_divergence(epoch, entry)
                self.history.append(entry)
                for name, value in entry.items():
                    writer.add_scalar(name, value, epoch + 1)
                figures = ", ".join(f"{name} {value:.1f}" for name, value in entry.items())
                tqdm.write(f"epoch {epoch + 1}/{epochs}: {figures}")
                self.save()
                plot_history(self.history, output / "curves.png")

    def _refuse_divergence(self, epoch: int, entry: dict[str, float]) -> None:
        """A checkpoint of a run that came apart would take the place of a good one."""
        lost = [name for name, value in entry.items() if not np.isfinite(value)]
        if not all(weights.isfinite().all() for weights in self.networks.state_dict().values()):
            lost.append("a weight")
        if lost:
            raise DivergedError(
                f"epoch {epoch + 1}: {', '.join(lost)} is no number any more; a lower learning "
                f"rate may help. {self.config.run.output} keeps the epochs before"
            )

    def save(self) -> None:
        """Write the checkpoint of the epochs done so far."""
        checkpoint = checkpoints.Checkpoint(
            self.config,
            self.source.summary,
            self.source.trajectory_camera if self.config.model.normalisation == "screen" else None,
            self.networks.state_dict(),
            self.optimizer.state_dict(),
            self.history,
            None if self.average is None else self._measured.state_dict(),
        )
        checkpoints.save(checkpoint, self.config.run.output / CHECKPOINT)

    def train_epoch(self, epoch: int) -> dict[str, float]:
        """Make new training data and take one pass over its shuffled windows."""
        started = time.monotonic()
        batches, count = self._batches(epoch)
        self._set_rates(epoch)
        data_s = time.monotonic() - started
        self._run_form.train()
        totals: dict[str, Tensor] = defaultdict(lambda: torch.zeros((), device=self.device))
        steps = 0
        hidden = True if self.share.rank else None  # None: not where output is no terminal
        title = f"epoch {epoch + 1}"
        with tqdm(total=count, unit="frame", desc=title, leave=False, disable=hidden) as progress:
            for labelled, unlabelled in batches:
                for name, term in self._step(labelled, unlabelled).items():
                    totals[name] += term
                steps += 1
                progress.update(labelled.count * self.share.processes)
        if not steps:
            self._refuse_no_batches(count)
        elapsed_s = time.monotonic() - started
        terms = {
            f"training {name} ({UNITS[name]})": float(total) / steps * 1000
            for name, total in totals.items()
        }
        speed = {"frames per second": count / elapsed_s, "seconds": elapsed_s}
        return {**terms, **speed, "data seconds": data_s}

    def _refuse_no_batches(self, frames: int) -> None:
        size, processes = self.config.optimisation.batch_size, self.share.processes
        raise InvalidInput.at(
            "batch_size",
            f"at least two windows for each of {processes} processes in a batch, found batches "
            f"of {size} of the {frames} frames of an epoch",
        )

    def _batches(self, epoch: int) -> tuple[Iterator[tuple[Batch, Batch | None]], int]:
        """Batches of labelled and, once warmed up, unlabelled windows; how many frames in all."""
        # All that is random in an epoch follows from the seed and its number, so a resumed run
        # needs no generator states to come out the same, bit for bit.
        seeds = np.random.SeedSequence([self.config.run.seed, epoch])
        rng = np.random.default_rng(seeds)
        torch.manual_seed(int(seeds.generate_state(1)[0]) + self.share.rank)
        generator = torch.Generator().manual_seed(int(seeds.generate_state(2)[1]))
        labelled = self._windows(self.source.labelled(rng))
        is_warm = epoch >= self.config.semi_supervised.warm_up_epochs
        sequences = self.source.unlabelled(rng) if is_warm else None
        unlabelled = None if sequences is None else self._windows(sequences)
        longest = max(filter(None, (labelled, unlabelled)), key=len)
        count, frames = self._amount(longest)
        batches = self._shuffled(labelled, count, generator)
        if unlabelled is None:
            return zip(batches, itertools.repeat(None)), frames
        others = self._shuffled(unlabelled, count, generator)
        return zip(batches, others, strict=True), frames

    def _amount(self, windows: Windows) -> tuple[int, int]:
        """How many windows, and frames to learn in them, an epoch has."""
        wanted = self.config.optimisation.windows_per_epoch
        if wanted is None:
            return len(windows), windows.frames
        # Where clips are short, a window has fewer frames to learn than it has targets.
        return round(wanted * len(windows) / windows.frames), wanted

    def _shuffled(
        self, windows: Windows, count: int, generator: torch.Generator
    ) -> Iterator[Batch]:
        return windows.shuffled(
            self.config.optimisation.batch_size // self.config.optimisation.targets,
            count,
            generator,
            self.config.augmentation.short_context,
            pairs=self.config.loss.velocity_weight > 0,
            share=self.share,
        )

    def _step(self, labelled: Batch, unlabelled: Batch | None) -> Terms:
        with self.momentum.around_step():
            terms = self._terms(labelled, unlabelled)
            self.optimizer.zero_grad(set_to_none=True)
            torch.stack(list(terms.values())).sum().backward()
            self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.networks)
        return {name: term.detach() for name, term in terms.items()}

    def _terms(self, labelled: Batch, unlabelled: Batch | None) -> Terms:
        if unlabelled is None:
            known, batch = _learned(self._predict(labelled.inputs_BTJ2), labelled)
            return self.objective.supervised(known, batch)
        # In one pass, so that batch normalisation sees both halves (the paper, figure 3).
        both = self._predict(torch.cat([labelled.inputs_BTJ2, unlabelled.inputs_BTJ2]))
        known, batch = _learned(both.part(slice(len(labelled))), labelled)
        unknown, others = _learned(both.part(slice(len(labelled), None)), unlabelled)
        return {
            **self.objective.supervised(known, batch),
            **self.objective.unsupervised(unknown, known, others),
        }

    def _predict(self, inputs: Tensor) -> Predicted:
        is_half = self.config.run.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=is_half):
            predicted: Predicted = self._run_form(inputs)
        return predicted.float()

    @property
    def _measured(self) -> Networks:
        """What is measured and exported: the networks, or the average of their weights."""
        if self.average is None:
            return self.networks
        averaged = self.average.module
        assert isinstance(averaged, Networks)
        return averaged

    def _set_rates(self, epoch: int) -> None:
        """Decay the learning rate and batch normalisation's momentum exponentially."""
        how = self.config.optimisation
        for group in self.optimizer.param_groups:
            group["lr"] = how.learning_rate * how.learning_rate_decay**epoch
        first, last = how.batch_norm_momentum
        share = epoch / max(how.epochs - 1, 1)
        self.momentum.set(first * (last / first) ** share)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Errors in millimetres and degrees on the same held-out windows every time."""
        form = TrainingForm(self._measured, freeze_pose=self.config.optimisation.freeze_pose).eval()
        errors = {
            condition: self._errors(form, windows) for condition, windows in self.held_out.items()
        }
        return {
            f"held-out {name}, {condition} ({'°' if name == _FLEXION else 'mm'})": error
            for condition, found in errors.items()
            for name, error in found.items()
        }

    def _errors(self, form: TrainingForm, windows: Windows) -> dict[str, float]:
        chosen = torch.linspace(0, len(windows) - 1, min(_HELD_OUT_WINDOWS, len(windows))).long()
        chains = hinges(self.source.summary.skeleton)
        totals: dict[str, float] = defaultdict(float)
        for batch in map(windows.cut, chosen.to(self.device).split(512)):
            predicted: Predicted = form(batch.inputs_BTJ2)
            error = losses.mpjpe(losses.rooted(predicted.poses), batch.targets_BSK3)
            totals["MPJPE"] += float(error) * len(batch)
            pair = predicted.poses, batch.targets_BSK3
            totals[_FLEXION] += float(_flexion_error(*pair, chains)) * len(batch)
            if predicted.trajectory is not None:
                both = predicted.trajectory, batch.trajectory_BS3
                metres = (in_metres(each, batch.depth_BS) for each in both)
                totals["trajectory"] += float(losses.mpjpe(*metres)) * len(batch)
            if predicted.log_errors is not None:
                totals["expected MPJPE"] += float(predicted.log_errors.exp().mean()) * len(batch)
        return {
            name: total / len(chosen) * (1 if name == _FLEXION else 1000)
            for name, total in totals.items()
        }

    def _held_out_windows(self) -> dict[str, Windows]:
        found = {}
        for condition in self.source.conditions:
            clips = [held_out.sequence for held_out in self.source.held_out(condition)]
            if clips:
                found[condition] = self._windows(concatenated(clips), targets=1)
        return found

    def _windows(self, sequences: Sequences, targets: int | None = None) -> Windows:
        field, causal = self.networks.pose.receptive_field, self.config.model.causal
        targets = targets or self.config.optimisation.targets
        spacing = self.config.spacing or 1  # without one, there is one target a window
        return Windows(sequences, field, causal, self.device, targets, spacing)


def _flexion_error(predicted: Tensor, target: Tensor, chains: list[tuple[int, int, int]]) -> Tensor:
    """Mean absolute error of the flexion of these joints, in degrees."""
    cosines, sines = zip(
        *(losses.flexion(each, chains).unbind(dim=-1) for each in (predicted, target)), strict=True
    )
    found, true = map(torch.atan2, sines, cosines)
    return torch.rad2deg(found - true).abs().mean()


def _learned(predicted: Predicted, batch: Batch) -> tuple[Predicted, Batch]:
    """Predictions of the targets that are to be learned, and what there is to know of these."""
    if batch.learned is None:
        return predicted, batch
    return predicted.part(batch.learned), batch.of_learned()


def _wrapped(
    form: TrainingForm, is_compiled: bool, share: ProcessShare, device: torch.device
) -> nn.Module:
    """The form as it is run: compiled, and with its gradients averaged over processes."""
    module: nn.Module = form
    if is_compiled:
        module = torch.compile(form)  # type: ignore[assignment]
    if share.processes == 1:
        return module
    return DistributedDataParallel(module, [device] if device.type == "cuda" else None)


def _average_of(networks: Networks, share: float) -> AveragedModel | None:
    if not share:
        return None
    return AveragedModel(networks, multi_avg_fn=get_ema_multi_avg_fn(share), use_buffers=True)


def _changed(old: TrainConfig, new: TrainConfig) -> list[str]:
    """Settings that differ and would make a resumed run another run."""
    free = {"data", "output", "initial", "device", "threads", "epochs", "compile"}
    before, now = old.dumped(), new.dumped()
    return [name for name in now if name not in free and before[name] != now[name]]
