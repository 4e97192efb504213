"""Lifting clips from end to end behind the transports, with real exported models."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import QUALITY
from poselift.normalisation import screen
from poselift.postprocess.foot_contact import clean_foot_skate
from poselift.postprocess.pipeline import enforce_bone_lengths
from poselift.postprocess.smoothing import smooth
from poselift.runtime.clip import ClipModel
from poselift.skeletons import H36M17
from service.admission import Deadline
from service.context import ServiceContext
from service.request_errors import DeadlineExceeded, NotFound, Overloaded, TooLarge
from service.requests import CameraOptions, Clip, LiftedClip, LiftOptions, LiftRequest
from service.served_models import Batching
from service.validation import Limits
from tests.models import person_clip, running_service

MEASURED, FILLED, UNKNOWN = (QUALITY.index(name) for name in ("measured", "filled", "unknown"))
SIZE = (1000.0, 800.0)


async def lift(
    service: ServiceContext, *clips: np.ndarray, deadline_s: float | None = None, **options: object
) -> list[LiftedClip]:
    request = LiftRequest(
        LiftOptions.model_validate({"image_size": SIZE, **options}),
        tuple(Clip(str(index), clip) for index, clip in enumerate(clips)),
    )
    if deadline_s is None:
        return list((await service.engine.lift(request)).clips)
    deadline = Deadline(deadline_s)
    return list((await deadline.bound(service.engine.lift(request, deadline.at))).clips)


def straight_through(folder: Path, clip: np.ndarray) -> np.ndarray:
    """A complete clip's root-relative poses without engine, batcher or chunks."""
    lifted = ClipModel.load(folder).lift(screen(clip[..., :2], SIZE)[None])
    poses: np.ndarray = lifted.poses[0] - lifted.poses[0][:, :1]
    return poses


def without(clip: np.ndarray, frames: slice, joints: Sequence[int] | slice = slice(None)):
    """The clip with some keypoints missing."""
    gappy = clip.copy()
    gappy[frames, joints] = 0
    return gappy


@pytest.mark.parametrize("model", ["symmetric", "causal"])
async def test_a_clip_is_lifted_as_the_model_lifts_it(models: Path, model: str) -> None:
    clip = person_clip(60)
    async with running_service(models) as service:
        (lifted,) = await lift(service, clip, model=model)
    assert lifted.poses.poses.shape == (60, 17, 3)
    assert lifted.poses.poses.dtype == np.float32
    assert (lifted.poses.quality == MEASURED).all()
    assert lifted.poses.trajectory is None
    assert not lifted.poses.poses[:, 0].any()
    np.testing.assert_allclose(
        lifted.poses.poses, straight_through(models / model, clip), atol=1e-5
    )


@pytest.mark.parametrize("model", ["symmetric", "causal"])
async def test_ragged_clips_together_equal_each_alone(models: Path, model: str) -> None:
    clips = [person_clip(frames, seed=frames) for frames in (1, 2, 13, 27, 28, 90, 90, 61, 5)]
    async with running_service(models) as service:
        together = await lift(service, *clips, model=model)
        for clip, lifted in zip(clips, together, strict=True):
            (alone,) = await lift(service, clip, model=model)
            np.testing.assert_allclose(lifted.poses.poses, alone.poses.poses, atol=1e-5)


@pytest.mark.parametrize("model", ["symmetric", "causal"])
@pytest.mark.parametrize("flip", [False, True])
async def test_a_clip_in_chunks_equals_the_clip_as_a_whole(
    models: Path, model: str, flip: bool
) -> None:
    clip = person_clip(1200)
    async with running_service(models, Batching(max_batch_frames=64)) as service:
        (chunked,) = await lift(service, clip, model=model, flip_augmentation=flip)
    async with running_service(models, Batching(max_batch_frames=5000)) as service:
        (whole,) = await lift(service, clip, model=model, flip_augmentation=flip)
    np.testing.assert_allclose(chunked.poses.poses, whole.poses.poses, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
async def test_concurrent_requests_do_not_mix(models: Path, threads: int) -> None:
    clips = [person_clip(10 + seed, seed=seed) for seed in range(40)]
    async with running_service(models, threads=threads) as service:
        together = await asyncio.gather(*(lift(service, clip) for clip in clips))
        for clip, (lifted,) in zip(clips, together, strict=True):
            (alone,) = await lift(service, clip)
            np.testing.assert_allclose(lifted.poses.poses, alone.poses.poses, atol=1e-5)


@pytest.mark.parametrize("model", ["symmetric", "causal"])
async def test_a_long_gap_splits_a_clip_in_two(models: Path, model: str) -> None:
    clip = person_clip(100)
    gap = slice(40, 60)  # 0.4 s at 50 frames a second, over the 0.25 s that are filled
    async with running_service(models) as service:
        (lifted,) = await lift(service, without(clip, gap), model=model)
        (before,) = await lift(service, clip[:40], model=model)
        (after,) = await lift(service, clip[60:], model=model)
    unknown = np.flatnonzero(lifted.poses.quality == UNKNOWN)
    assert unknown[-1] == 59
    assert not lifted.poses.poses[unknown].any()
    assert (lifted.poses.quality[60:] == MEASURED).all()
    np.testing.assert_allclose(lifted.poses.poses[60:], after.poses.poses, atol=1e-5)
    # A causal model may hold the last pose into the gap: its past does not change.
    unchanged = 40 if model == "causal" or unknown[0] == 40 else 40 - 13
    np.testing.assert_allclose(
        lifted.poses.poses[:unchanged], before.poses.poses[:unchanged], atol=1e-5
    )


@pytest.mark.parametrize("model", ["symmetric", "causal"])
async def test_a_short_gap_is_filled(models: Path, model: str) -> None:
    async with running_service(models) as service:
        (lifted,) = await lift(service, without(person_clip(100), slice(40, 50)), model=model)
    assert (lifted.poses.quality[40:50] == FILLED).all()
    assert (np.delete(lifted.poses.quality, slice(40, 50)) == MEASURED).all()
    assert np.isfinite(lifted.poses.poses).all()
    assert lifted.poses.poses[45].any()


async def test_the_length_of_a_gap_counts_in_seconds(models: Path) -> None:
    clip = without(person_clip(100), slice(40, 50))
    async with running_service(models) as service:
        (slow,) = await lift(service, clip, fps=25)
        (fast,) = await lift(service, clip, fps=100)
    assert (slow.poses.quality == UNKNOWN).any()
    assert not (fast.poses.quality == UNKNOWN).any()


@pytest.mark.parametrize("model", ["symmetric", "causal"])
async def test_missing_joints_are_filled(models: Path, model: str) -> None:
    clip = without(person_clip(60), slice(10, 20), [5, 9])
    clip = without(clip, slice(0, 60), [0, 1, 2, 3, 4])
    async with running_service(models) as service:
        (lifted,) = await lift(service, clip, model=model)
    assert (lifted.poses.quality == FILLED).all()
    assert np.isfinite(lifted.poses.poses).all()


async def test_min_score_decides_what_is_missing(models: Path) -> None:
    clip = person_clip(30)
    clip[10, 3, 2] = 0.3
    async with running_service(models) as service:
        (kept,) = await lift(service, clip)
        (dropped,) = await lift(service, clip, min_score=0.4)
    assert kept.poses.quality[10] == MEASURED
    assert dropped.poses.quality[10] == FILLED


async def test_a_causal_model_never_looks_ahead(models: Path) -> None:
    clip = without(person_clip(90), slice(20, 30), [5, 6, 7])
    clip = without(clip, slice(40, 48))
    async with running_service(models) as service:
        (whole,) = await lift(service, clip, model="causal")
        for frames in (1, 25, 44, 70):
            (part,) = await lift(service, clip[:frames], model="causal")
            np.testing.assert_allclose(part.poses.poses, whole.poses.poses[:frames], atol=1e-5)
            np.testing.assert_array_equal(part.poses.quality, whole.poses.quality[:frames])


async def test_flip_augmentation_averages_with_the_mirrored_clip(models: Path) -> None:
    clip = person_clip(40)
    mirrored = clip[:, list(FORMATS["coco17"].mirror)]
    mirrored[..., 0] = SIZE[0] - mirrored[..., 0]
    async with running_service(models) as service:
        (plain,) = await lift(service, clip)
        (twin,) = await lift(service, mirrored)
        (augmented,) = await lift(service, clip, flip_augmentation=True)
        (again,) = await lift(service, mirrored, flip_augmentation=True)
    unmirror = np.array([-1, 1, 1], dtype=np.float32)
    back = twin.poses.poses[:, list(H36M17.mirror)] * unmirror
    assert np.abs(plain.poses.poses - back).max() > 1e-3
    np.testing.assert_allclose(augmented.poses.poses, (plain.poses.poses + back) / 2, atol=1e-5)
    mirrored_again = again.poses.poses[:, list(H36M17.mirror)] * unmirror
    np.testing.assert_allclose(augmented.poses.poses, mirrored_again, atol=1e-5)


async def test_plain_and_flipped_clips_share_batches(models: Path) -> None:
    clips = [person_clip(30 + seed, seed=seed) for seed in range(12)]
    async with running_service(models) as service:
        mixed = await asyncio.gather(
            *(lift(service, clip, flip_augmentation=bool(i % 2)) for i, clip in enumerate(clips))
        )
        for index, clip in enumerate(clips):
            (alone,) = await lift(service, clip, flip_augmentation=bool(index % 2))
            np.testing.assert_allclose(mixed[index][0].poses.poses, alone.poses.poses, atol=1e-5)


async def test_y_up_turns_the_axes(models: Path) -> None:
    async with running_service(models) as service:
        (camera,) = await lift(service, person_clip(20))
        (y_up,) = await lift(service, person_clip(20), axes="y_up")
    np.testing.assert_array_equal(y_up.poses.poses, camera.poses.poses * np.float32([1, -1, -1]))


async def test_trajectory_and_errors_are_turned_flipped_and_chunked_with_their_poses(
    models: Path,
) -> None:
    clip = person_clip(300)
    mirrored = clip[:, list(FORMATS["coco17"].mirror)]
    mirrored[..., 0] = SIZE[0] - mirrored[..., 0]
    async with running_service(models, Batching(max_batch_frames=64)) as service:
        (chunked,) = await lift(service, clip, model="rooted")
        (y_up,) = await lift(service, clip, model="rooted", axes="y_up")
        (twin,) = await lift(service, mirrored, model="rooted")
        (augmented,) = await lift(service, clip, model="rooted", flip_augmentation=True)
    async with running_service(models) as service:
        (whole,) = await lift(service, clip, model="rooted")
    found = [lifted.poses.trajectory for lifted in (chunked, y_up, twin, augmented, whole)]
    assert all(trajectory is not None and trajectory.shape == (300, 3) for trajectory in found)
    np.testing.assert_allclose(found[0], found[4], atol=1e-5)
    np.testing.assert_array_equal(found[1], found[0] * np.float32([1, -1, -1]))
    back = found[2] * np.float32([-1, 1, 1])
    np.testing.assert_allclose(found[3], (found[0] + back) / 2, atol=1e-5)
    found = [clip.poses.expected_errors for clip in (chunked, y_up, twin, augmented, whole)]
    assert all(errors is not None and errors.shape == (300, 17) for errors in found)
    assert (found[0] > 0).all()
    np.testing.assert_allclose(found[0], found[4], rtol=1e-3)
    np.testing.assert_array_equal(found[1], found[0])
    back = found[2][:, list(H36M17.mirror)]
    np.testing.assert_allclose(found[3], (found[0] + back) / 2, rtol=1e-3)


async def test_a_trajectory_is_zero_where_nothing_is_known(models: Path) -> None:
    async with running_service(models) as service:
        (lifted,) = await lift(service, without(person_clip(60), slice(20, 50)), model="rooted")
    unknown = lifted.poses.quality == UNKNOWN
    assert unknown.any()
    assert lifted.poses.trajectory is not None
    assert not lifted.poses.trajectory[unknown].any()
    assert not lifted.poses.expected_errors[unknown].any()
    assert lifted.poses.trajectory[~unknown].any()


async def test_a_camera_matters_to_a_model_that_uses_it(models: Path) -> None:
    camera = CameraOptions(focal_length=(500, 500), principal_point=(400, 300))
    async with running_service(models) as service:
        (assumed,) = await lift(service, person_clip(20), model="person")
        (known,) = await lift(service, person_clip(20), model="person", camera=camera.model_dump())
        (screen_assumed,) = await lift(service, person_clip(20))
        (screen_known,) = await lift(service, person_clip(20), camera=camera.model_dump())
    assert np.abs(assumed.poses.poses - known.poses.poses).max() > 1e-3
    np.testing.assert_array_equal(screen_assumed.poses.poses, screen_known.poses.poses)


async def test_chunks_agree_where_each_frame_is_turned_by_itself(models: Path) -> None:
    clip = person_clip(400)
    async with running_service(models, Batching(max_batch_frames=64)) as service:
        (chunked,) = await lift(service, clip, model="person")
    async with running_service(models) as service:
        (whole,) = await lift(service, clip, model="person")
    np.testing.assert_allclose(chunked.poses.poses, whole.poses.poses, atol=1e-5)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("model", ["symmetric", "causal", "h36m", "person", "rooted"])
async def test_every_format_reaches_every_model(models: Path, name: str, model: str) -> None:
    clip = person_clip(12, keypoint_format=name)
    async with running_service(models) as service:
        (lifted,) = await lift(service, clip, model=model, keypoint_format=name)
    assert np.isfinite(lifted.poses.poses).all()
    assert not (lifted.poses.quality == UNKNOWN).any()


async def refused(
    service: ServiceContext, *clips: np.ndarray, **options: object
) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as refusal:
        await lift(service, *clips, **options)
    (problem,) = refusal.value.field_errors
    return problem.where, problem.expected


async def test_errors_name_the_place(models: Path) -> None:
    good = person_clip(20)
    bad = good.copy()
    bad[17, 4, 0] = np.nan
    async with running_service(models) as service:
        assert await refused(service) == ("clips", "at least one clip")
        assert (await refused(service, good, bad))[0] == "clips[1].keypoints[17][4]"
        assert (await refused(service, good, np.zeros_like(good)))[0] == "clips[1].keypoints"
        assert await refused(service, good, model="best") == (
            "model",
            "one of default, live, causal, h36m, person, rooted, symmetric, found 'best'",
        )
        assert (await refused(service, good, keypoint_format="coco"))[0] == "keypoint_format"
        place, _ = await refused(service, good, keypoint_format="halpe26")
        assert place == "clips[0].keypoints[0]"


@pytest.mark.parametrize("model", ["symmetric", "person"])
@pytest.mark.parametrize("far", [3e38, -3e38, 1e30])
async def test_extreme_keypoints_are_refused_or_lifted_but_never_nan(
    models: Path, model: str, far: float
) -> None:
    clip = person_clip(20)
    clip[5, 3, 0] = far
    async with running_service(models) as service:
        (outcome,) = await asyncio.gather(lift(service, clip, model=model), return_exceptions=True)
        if isinstance(outcome, InvalidInput):
            assert outcome.field_errors[0].where == "clips[0].keypoints"
        else:
            assert isinstance(outcome, list)
            assert np.isfinite(outcome[0].poses.poses).all()
        await lift(service, person_clip(20), model=model)


async def test_degenerate_poses_pass(models: Path) -> None:
    line = person_clip(5)
    line[..., 0] = 400
    async with running_service(models) as service:
        for model in ("symmetric", "causal", "person"):
            (lifted,) = await lift(service, line, model=model)
            assert np.isfinite(lifted.poses.poses).all()
            with pytest.raises(InvalidInput, match="all joints lie within"):
                await lift(service, np.full((5, 17, 3), 300, np.float32), model=model)


async def test_limits_hold(models: Path) -> None:
    limits = Limits(max_frames_per_request=30, max_clips_per_request=2)
    async with running_service(models, limits=limits) as service:
        with pytest.raises(TooLarge, match="40 frames"):
            await lift(service, person_clip(20), person_clip(20))
        with pytest.raises(TooLarge, match="3 clips"):
            await lift(service, *[person_clip(2)] * 3)


async def test_a_full_queue_is_overloaded_and_recovers(models: Path) -> None:
    async with running_service(models, Batching(256, max_queued_frames=5_000)) as service:
        answers = await asyncio.gather(
            *(lift(service, person_clip(900, seed=seed)) for seed in range(30)),
            return_exceptions=True,
        )
        refusals = [answer for answer in answers if isinstance(answer, Overloaded)]
        assert refusals
        assert len(refusals) + sum(isinstance(answer, list) for answer in answers) == 30
        await lift(service, person_clip(900))


async def test_a_deadline_passes(models: Path) -> None:
    async with running_service(models) as service:
        with pytest.raises(DeadlineExceeded):
            await lift(service, person_clip(50_000), deadline_s=0.001)
        await lift(service, person_clip(20), deadline_s=30)


def queued_frames(service: ServiceContext) -> float:
    load = service.metrics.registry.get_sample_value(
        "poselift_queued_frames", {"model": "symmetric", "kind": "clip"}
    )
    return load or 0.0


async def start_long(service: ServiceContext) -> asyncio.Task[list[LiftedClip]]:
    """Start to lift 100,000 frames; returns when some of them have been lifted."""
    long = asyncio.create_task(lift(service, person_clip(100_000)))
    async with asyncio.timeout(30):
        while not 0 < queued_frames(service) < 99_000:  # noqa: ASYNC110 - a gauge has no event
            await asyncio.sleep(0)
    return long


async def test_a_long_clip_does_not_delay_a_short_one(models: Path) -> None:
    async with running_service(models, Batching(max_batch_frames=64)) as service:
        long = await start_long(service)
        for _ in range(5):
            before = queued_frames(service)
            await lift(service, person_clip(27))
            assert before - queued_frames(service) < 1000, "it waited for more than a few chunks"
        long.cancel()


async def test_a_cancelled_request_leaves_nothing_behind(models: Path) -> None:
    async with running_service(models, Batching(max_batch_frames=64)) as service:
        gone = await start_long(service)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert gone.cancelled()
        await lift(service, person_clip(27))
        assert queued_frames(service) == 0


async def test_aliases_and_cards(models: Path) -> None:
    async with running_service(models) as service:
        engine = service.engine
        names = [model.card.name for model in engine.models]
        assert names == ["causal", "h36m", "person", "rooted", "symmetric"]
        assert engine.models.aliases == {"default": "symmetric", "live": "causal"}
        assert engine.models.named("live").card.architecture.causal
        with pytest.raises(NotFound, match="there are default, live, causal"):
            engine.models.named("best")


async def test_frames_are_counted(models: Path) -> None:
    async with running_service(models) as service:
        await lift(service, person_clip(20), person_clip(30), model="causal")
        lifted = service.metrics.registry.get_sample_value(
            "poselift_frames_lifted_total", {"model": "causal"}
        )
    assert lifted == 50


async def test_a_clip_of_nothing_but_gaps_and_single_frames(models: Path) -> None:
    clip = person_clip(3_000)
    clip[::2] = 0
    async with running_service(models, Batching(max_batch_frames=256)) as service:
        (lifted,) = await lift(service, clip, fps=1)
        (alone,) = await lift(service, clip[1501:1502])
    assert (lifted.poses.quality[::2] == UNKNOWN).all()
    assert (lifted.poses.quality[1::2] == MEASURED).all()
    np.testing.assert_allclose(lifted.poses.poses[1501:1502], alone.poses.poses, atol=1e-5)


async def test_a_clip_with_too_many_segments_is_refused(models: Path) -> None:
    """Each piece is padded by itself; a clip of many gaps must not block other requests."""
    clip = person_clip(4_000)
    clip[1::2, :, 2] = 0
    batching = Batching(max_batch_frames=512, max_queued_frames=8_000)
    async with running_service(models, batching=batching) as context:
        options = LiftOptions(model="symmetric", image_size=SIZE, fps=1)
        with pytest.raises(TooLarge, match="gaps cut them"):
            await context.engine.lift(LiftRequest(options, (Clip("a", clip),)))
        short = LiftRequest(options, (Clip("a", person_clip(5)),))
        assert len((await context.engine.lift(short)).clips) == 1


async def test_ground_contact_changes_only_the_trajectory_of_each_segment(
    models: Path,
) -> None:
    clip = without(person_clip(100), slice(40, 60))
    async with running_service(models) as service:
        (plain,) = await lift(service, clip, model="rooted", fps=50)
        (still,) = await lift(service, clip, model="rooted", fps=50, ground_contact=True)
        options = LiftOptions(model="person", image_size=SIZE, ground_contact=True)
        with pytest.raises(
            InvalidInput, match="ground_contact: expected false: person does not estimate"
        ):
            await service.engine.lift(LiftRequest(options, (Clip("a", clip),)))
    np.testing.assert_array_equal(still.poses.poses, plain.poses.poses)
    feet = [H36M17.joints.index(f"{side}_foot") for side in ("left", "right")]
    known = plain.poses.quality != UNKNOWN
    for part in (slice(0, int(np.argmin(known))), slice(60, 100)):
        expected = clean_foot_skate(
            plain.poses.trajectory[part], plain.poses.poses[part][:, feet], 50
        )
        np.testing.assert_allclose(still.poses.trajectory[part], expected, atol=1e-5)
    assert not still.poses.trajectory[~known].any()


async def test_smoothing_and_bone_lengths_are_of_each_segment_and_clip(models: Path) -> None:
    """Postprocessing is applied to the answer without it, segment by segment."""
    clip = without(person_clip(100), slice(40, 60))
    other = person_clip(50)
    options = {"model": "rooted", "fps": 50}
    async with running_service(models) as service:
        plain, _ = await lift(service, clip, other, **options)
        smoothed, _ = await lift(service, clip, other, smoothing_s=0.2, **options)
        constant, _ = await lift(service, clip, other, constant_bone_lengths=True, **options)
    known = plain.poses.quality != UNKNOWN
    assert not known.all()
    for part in (slice(0, int(np.argmin(known))), slice(60, 100)):
        np.testing.assert_allclose(
            smoothed.poses.poses[part], smooth(plain.poses.poses[part], 5), atol=1e-5
        )
        np.testing.assert_allclose(
            smoothed.poses.trajectory[part], smooth(plain.poses.trajectory[part], 5), rtol=1e-5
        )
    assert not smoothed.poses.poses[~known].any()
    expected = enforce_bone_lengths(plain.poses.poses, H36M17.parents, known)
    np.testing.assert_allclose(constant.poses.poses[known], expected[known], atol=1e-5)
    assert not constant.poses.poses[~known].any()
