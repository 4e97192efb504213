"""Models run by ONNX Runtime: whole clips, one frame at a time, or one window at a time."""
