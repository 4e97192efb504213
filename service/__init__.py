"""The poselift service: 2D human keypoints in, metric 3D poses out."""
