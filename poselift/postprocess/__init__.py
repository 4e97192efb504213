"""What may be done to poses after the network: smoothing, bone lengths, foot contact."""
