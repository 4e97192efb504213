"""Videos: decoded, given to detectors, and drawn with the poses found in them."""
