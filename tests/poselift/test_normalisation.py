"""Normalisation: the paper's against its reference, the person-centred one against geometry."""

from pathlib import Path

import numpy as np
import pytest

from poselift.cameras import Camera
from poselift.normalisation import ScreenCamera, normaliser
from poselift.skeletons import H36M17

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "sym27.npz")
CAMERA = Camera((1100, 1090), (510, 495), (-0.2, 0.25, -0.01), (-0.001, 0.002))
RNG = np.random.default_rng(3)


def people(frames=40):
    """Poses in front of the camera, (T, 17, 3) metres."""
    poses = RNG.normal(0, 0.4, (frames, 17, 3)) + [0.5, 0.2, 4]
    return poses.astype(np.float32)


def turned_about_y(points, angle):
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], dtype=np.float32)
    return points @ turn.T


def test_screen_agrees_with_the_reference():
    inputs, inverse = normaliser("screen", H36M17.joints, (1000, 1002))(GOLDEN["pixels_300"])
    np.testing.assert_allclose(inputs, GOLDEN["keypoints_300"], atol=1e-6)
    poses = people()
    assert inverse.poses(poses) is poses


def test_rays_invert_projection_by_a_camera_with_distortion():
    points = people()
    np.testing.assert_allclose(
        CAMERA.rays(CAMERA.project(points)), points[..., :2] / points[..., 2:], atol=1e-5
    )


def test_rays_stay_finite_where_the_distortion_has_no_inverse():
    extreme = Camera((500, 500), (500, 500), (-5.0, 3.0, -9.0), (0.3, -0.2))
    assert np.isfinite(extreme.rays(np.full((3, 17, 2), 1e6, dtype=np.float32))).all()


def test_person_inputs_do_not_depend_on_size_and_position_in_the_image():
    """Turning the camera about its centre changes neither inputs nor the denormalised scene."""
    points = people()
    camera = Camera((1100, 1090), (510, 495))
    prepare = normaliser("person", H36M17.joints, (1000, 1000), camera)
    straight, inverse_straight = prepare(camera.project(points))
    angle = 0.3
    aside, inverse_aside = prepare(camera.project(turned_about_y(points, angle)))
    # The virtual camera stays level with the real one, so for a pure turn about the vertical the
    # two have the same inputs.
    np.testing.assert_allclose(aside, straight, atol=2e-3)
    poses = people()
    np.testing.assert_allclose(
        inverse_aside.poses(poses), turned_about_y(inverse_straight.poses(poses), angle), atol=2e-3
    )


def test_person_inputs_are_centred_and_of_unit_spread():
    names = H36M17.joints
    inputs, _ = normaliser("person", names, (1000, 1000))(CAMERA.project(people()))
    body = [i for i, name in enumerate(names) if name.startswith(("left", "right"))]
    np.testing.assert_allclose((inputs[:, body] ** 2).sum(-1).mean(-1), 1, atol=1e-4)


def test_person_turn_is_a_rotation():
    _, inverse = normaliser("person", H36M17.joints, (1000, 1000))(CAMERA.project(people()))
    poses = people()
    np.testing.assert_allclose(
        np.linalg.norm(inverse.poses(poses), axis=-1), np.linalg.norm(poses, axis=-1), rtol=1e-5
    )


@pytest.mark.parametrize("kind", ["screen", "person"])
def test_each_frame_is_normalised_by_itself(kind):
    pixels = CAMERA.project(people()).astype(np.float32)
    prepare = normaliser(kind, H36M17.joints, (1000, 1000), CAMERA)
    whole, _ = prepare(pixels)
    for frame in (0, 17, 39):
        alone, _ = prepare(pixels[frame : frame + 1])
        np.testing.assert_allclose(alone[0], whole[frame], atol=1e-6)


def test_degenerate_people_give_finite_inputs():
    prepare = normaliser("person", H36M17.joints, (640, 480))
    for pixels in (0.0, 1e30, -1e6):
        inputs, inverse = prepare(np.full((2, 17, 2), pixels, dtype=np.float32))
        assert np.isfinite(inputs).all()
        assert np.isfinite(inverse.poses(people(2))).all()


@pytest.mark.parametrize("place", [(320, 240), (5, 400), (639, 0)])
def test_a_person_without_extent_is_at_a_usual_distance(place):
    """All joints have the position of the one that was measured."""
    prepare = normaliser("person", H36M17.joints, (640, 480))
    inputs, inverse = prepare(np.tile(np.array(place, np.float32), (2, 17, 1)))
    path = inverse.trajectory(np.array([[0, 0, 0.5]] * 2, np.float32))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 5, rtol=1e-4)
    assert np.abs(inputs).max() < 0.01


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_person_trajectory_is_denormalised_to_metres(scale):
    """A person thrice as large and thrice as far has the same inputs."""
    camera = Camera((1100, 1090), (510, 495))
    points = people() * np.float32(scale)
    inputs, inverse = normaliser("person", H36M17.joints, (1000, 1000), camera)(
        camera.project(points)
    )
    assert inverse.turn_T33 is not None
    assert inverse.depth_T is not None
    turned_T3 = (points[:, :1] @ inverse.turn_T33.transpose(0, 2, 1))[:, 0]
    model_T3 = np.column_stack([turned_T3[:, :2], turned_T3[:, 2] / inverse.depth_T])
    np.testing.assert_allclose(model_T3[:, :2] / model_T3[:, 2:], inputs[:, 0], atol=1e-4)
    np.testing.assert_allclose(inverse.trajectory(model_T3), points[:, 0], atol=1e-4 * scale)


def test_a_trajectory_is_scaled_to_a_longer_focal_length():
    """The same keypoints at twice the focal length are of a person twice as far."""
    size = (1000, 1000)
    known = ScreenCamera.of(Camera((1000, 1000), (500, 500)), size)
    other = Camera((2000, 2000), (400, 550))
    _, inverse = normaliser("screen", H36M17.joints, size, other, known)(np.zeros((1, 17, 2), "f4"))
    root = np.array([[0.5, -0.2, 4.0]], dtype=np.float32)
    found = inverse.trajectory(root)
    assert found[0, 2] == pytest.approx(8)
    before = Camera((1000, 1000), (500, 500)).project(root)
    np.testing.assert_allclose(other.project(found), before, atol=1e-3)


def test_a_trajectory_is_unchanged_where_the_camera_is_not_known():
    known = ScreenCamera((2.0, 2.0), (0.0, 0.0))
    _, inverse = normaliser("screen", H36M17.joints, (640, 480), None, known)(people()[..., :2])
    path = people()[:, 0]
    np.testing.assert_array_equal(inverse.trajectory(path), path)
