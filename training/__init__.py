"""Train, evaluate and export the temporal convolution models of Pavllo et al., CVPR 2019."""
