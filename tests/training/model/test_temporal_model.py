"""The temporal model against the paper's counts, its strided twin and first principles."""

import pytest
import torch

from training.model.networks import Networks
from training.model.temporal_model import StridedTemporalModel, TemporalModel, pad_edges


@pytest.mark.parametrize(
    ("widths", "dense", "parameters"),
    [
        ((3, 3, 3), False, 8_555_571),
        ((3, 3, 3, 3), False, 12_753_971),
        ((3, 3, 3, 3, 3), False, 16_952_371),
        ((3, 3, 3), True, 29_527_091),
    ],
)
def test_parameter_counts_are_those_of_table_5(widths, dense, parameters):
    model = TemporalModel(17, 2, 17, widths, dense=dense)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def trained_looking(widths, causal, channels=16):
    """A model whose batch normalisations are not the identity."""
    torch.manual_seed(1)
    model = TemporalModel(17, 2, 17, widths, causal, channels)
    with torch.no_grad():
        for batch_norm in Networks(model).batch_norms:
            batch_norm.running_mean.normal_(0, 0.1)
            batch_norm.running_var.uniform_(0.5, 2)
            batch_norm.weight.uniform_(0.5, 2)
            batch_norm.bias.normal_(0, 0.1)
    return model


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("widths", [(1,), (3,), (3, 3, 3), (3, 5, 7), (5, 1, 3)])
def test_strided_twin_equals_the_dilated_network_on_windows(widths, causal):
    model = trained_looking(widths, causal).eval()
    windows = torch.randn(6, model.receptive_field, 17, 2)
    torch.testing.assert_close(
        StridedTemporalModel(model).eval()(windows), model(windows), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("targets", [1, 2, 5])
@pytest.mark.parametrize(
    ("widths", "spacing"),
    [((3,), 3), ((3, 3, 3), 3), ((3, 3, 3), 9), ((3, 3, 3), 27), ((3, 5, 7), 3), ((5, 1, 3), 5)],
)
def test_several_targets_a_window_equal_the_dilated_network_at_their_frames(
    widths, spacing, targets, causal
):
    model = trained_looking(widths, causal).eval()
    windows = torch.randn(4, model.receptive_field + spacing * (targets - 1), 17, 2)
    poses = StridedTemporalModel(model, spacing).eval()(windows)
    assert poses.shape == (4, targets, 17, 3)
    torch.testing.assert_close(poses, model(windows)[:, ::spacing], atol=1e-5, rtol=1e-5)


def test_a_spacing_that_is_no_product_of_the_first_widths_is_refused():
    with pytest.raises(ValueError, match=r"spacing: expected one of \(3, 15, 105\), got 5"):
        StridedTemporalModel(TemporalModel(17, 2, 17, (3, 5, 7), channels=8), 5)


@pytest.mark.parametrize("causal", [False, True])
def test_strided_twin_has_the_dilated_networks_gradients(causal):
    model = trained_looking((3, 3, 3), causal).eval()
    windows = torch.randn(6, model.receptive_field, 17, 2)
    gradients = []
    for network in (model, StridedTemporalModel(model).eval()):
        model.zero_grad()
        network(windows).square().mean().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    for dilated, strided in zip(*gradients, strict=True):
        torch.testing.assert_close(dilated, strided, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("causal", "field"), [(False, range(7, 34)), (True, range(-6, 21))])
def test_receptive_field_covers_exactly_the_frames_it_should(causal, field):
    model = trained_looking((3, 3, 3), causal).eval()
    clip = torch.randn(1, 60, 17, 2, requires_grad=True)
    model(pad_edges(clip, 27, causal))[0, 20].sum().backward()
    touched = clip.grad[0].abs().sum(dim=(1, 2)).nonzero()[:, 0].tolist()
    assert touched == [frame for frame in field if frame >= 0]


@pytest.mark.parametrize("causal", [False, True])
def test_padding_gives_every_frame_a_pose(causal):
    model = trained_looking((3, 3, 3), causal).eval()
    for frames in (1, 2, 26, 100):
        assert model(pad_edges(torch.randn(2, frames, 17, 2), 27, causal)).shape == (
            2,
            frames,
            17,
            3,
        )


@pytest.mark.parametrize("widths", [(), (2, 3), (3, 0), (3, -1)])
def test_even_or_missing_widths_are_refused(widths):
    with pytest.raises(ValueError, match="filter widths: expected odd numbers"):
        TemporalModel(17, 2, 17, widths)
