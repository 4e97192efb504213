"""Detectors' files to keypoints, one reader a format."""
