"""The networks: what is refused, and how a whitened one starts."""

import pytest
import torch

from forgetting.errors import UserError
from forgetting.study import Network
from forgetting.train import networks


def test_a_whitened_stem_makes_uncorrelated_features_of_unit_variance():
    # Neighbouring pixels and colours go together, as in photographs.
    images = (
        torch.randn(200, 3, 32, 32, generator=torch.Generator().manual_seed(0)).cumsum(2).cumsum(3)
    )
    images += images.mean(dim=1, keepdim=True)
    net = networks.build_network(
        Network(name="wide-resnet", stem=(4, 2)), channels=3, pixels=32, classes=10, seed=0
    )
    networks.whiten(net, networks.principal_filters(images, net.stem))
    inside = net.stem(images)[:, :, 1:-1, 1:-1]  # without the padded border
    covariance = inside.transpose(0, 1).flatten(1).cov()
    assert torch.allclose(covariance, torch.eye(16), atol=0.1)


def test_a_wide_resnet_of_impossible_depth_is_refused():
    with pytest.raises(UserError, match="depth 12 is not 6 n"):
        networks.build_network(
            Network(name="wide-resnet", depth=12), channels=3, pixels=32, classes=10, seed=0
        )


@pytest.mark.parametrize(
    "network", [Network(name="small-cnn"), Network(name="mlp"), Network(name="wide-resnet")]
)
def test_a_network_takes_images_that_are_wider_than_high_and_a_square_by_one_number(network):
    wide = networks.build_network(network, channels=3, pixels=(28, 56), classes=7, seed=0)
    assert wide(torch.zeros(2, 3, 28, 56)).shape == (2, 7)
    square, same = (
        networks.build_network(network, channels=3, pixels=pixels, classes=7, seed=0)
        for pixels in (28, (28, 28))
    )
    assert all(map(torch.equal, square.parameters(), same.parameters()))
