"""The settings of a training run, kept in its checkpoints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import model_validator

from training.command import Options
from training.config import sections


class TrainConfig(Options):
    """One training run, in sections. The defaults are the paper's (§5.3) where it states them.

    Settings may also be given by their names alone, without sections, as options, older
    checkpoints and older files do.
    """

    dataset: sections.DatasetConfig = sections.DatasetConfig()
    model: sections.ModelConfig = sections.ModelConfig()
    augmentation: sections.AugmentationConfig = sections.AugmentationConfig()
    optimisation: sections.OptimisationConfig = sections.OptimisationConfig()
    loss: sections.LossConfig = sections.LossConfig()
    semi_supervised: sections.SemiSupervisedConfig = sections.SemiSupervisedConfig()
    run: sections.RunConfig = sections.RunConfig()

    def for_evaluation(self, data: Path) -> "TrainConfig":
        """The same model, to be evaluated on some data: how it was trained does not matter."""
        dataset = {"data": data, **self.dataset.model_dump(include={"actions", "downsample"})}
        model = self.model.model_dump(include={"keypoint_format", "normalisation", "causal"})
        return TrainConfig(
            dataset=sections.DatasetConfig(**dataset), model=sections.ModelConfig(**model)
        )

    def dumped(self, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        """All settings by name, without sections; ``options`` are those of ``model_dump``."""
        return flattened(self.model_dump(**options))

    @model_validator(mode="before")
    @classmethod
    def _in_sections(cls, settings: Any) -> Any:  # noqa: ANN401
        return sectioned(settings) if isinstance(settings, Mapping) else settings

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        semi, model, optimisation = self.semi_supervised, self.model, self.optimisation
        if semi.is_used and semi.projection_weight and not model.trajectory:
            raise ValueError("unlabelled data is projected to the image: it needs trajectory too")
        both = sorted({*self.dataset.subjects} & {*semi.unlabelled_subjects})
        if both:
            raise ValueError(f"subjects and unlabelled_subjects both have {', '.join(both)}")
        if optimisation.freeze_pose and (
            semi.is_used or not (model.trajectory or model.expected_errors)
        ):
            raise ValueError("freeze_pose is for adding trajectory or expected_errors, no more")
        if optimisation.freeze_pose and optimisation.initial is None:
            raise ValueError("freeze_pose needs the pose network of an initial checkpoint")
        self._check_targets()
        self._check_windows()
        return self

    @property
    def spacing(self) -> int | None:
        """How many frames the targets of a window are apart; None if there is only one."""
        optimisation = self.optimisation
        if optimisation.stride > 1:
            return 1
        if optimisation.targets_per_window == 1:
            return None
        fields = self.model.receptive_fields
        return optimisation.target_spacing or fields[max(len(fields) - 3, 0)]

    def _check_targets(self) -> None:
        optimisation = self.optimisation
        spacing = optimisation.target_spacing
        if optimisation.targets_per_window == 1:
            if spacing is not None:
                raise ValueError("target_spacing goes with targets_per_window, of two or more")
            return
        if optimisation.stride > 1 or self.model.dense:
            raise ValueError("targets_per_window does not go with stride or dense")
        possible = self.model.receptive_fields
        if spacing is not None and spacing not in possible:
            raise ValueError(f"target_spacing: expected one of {', '.join(map(str, possible))}")

    def _check_windows(self) -> None:
        stride, windows = self.optimisation.stride, self.optimisation.windows_per_epoch
        targets = self.optimisation.targets
        if stride > 1 and (self.loss.velocity_weight or self.augmentation.short_context):
            raise ValueError("stride does not go with velocity_weight or short_context")
        if windows is not None and windows < 2 * targets:
            raise ValueError(f"windows_per_epoch has to be two windows of {targets} at least")
        if targets > self.optimisation.batch_size // 2:
            raise ValueError(f"a batch has to hold two windows of {targets} targets at least")


RENAMED = {
    "views": "cameras_per_clip",
    "recombination": "limb_swap",
    "proportions": "bone_length_scaling",
    "bending": "joint_angle_jitter",
    "cut_off": "truncation",
}
"""Names that older checkpoints and files have for settings, and what they are now."""
SECTIONS = {
    name: section
    for section, field in TrainConfig.model_fields.items()
    for name in field.annotation.model_fields  # type: ignore[union-attr]
}


def sectioned(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put settings that stand alone into their sections, older names made new ones.

    What is known nowhere stays where it is, for the validation to name it.
    """
    current = {RENAMED.get(name, name): value for name, value in settings.items()}
    nested = {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in current.items()
        if name not in SECTIONS
    }
    for name, value in current.items():
        if name in SECTIONS:
            nested.setdefault(SECTIONS[name], {})[name] = value
    return nested


def flattened(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name alone, from sections, alone, or both; older names made new ones."""
    flat: dict[str, Any] = {}
    for name, value in sectioned(settings).items():
        is_section = name in TrainConfig.model_fields and isinstance(value, Mapping)
        flat |= value if is_section else {name: value}
    return flat
