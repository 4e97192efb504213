"""Other servers with the same ONNX graph, in an environment of their own.

Each is as its documentation shows it, with its own batching, one worker and as many threads as the
service. It takes keypoints as JSON and answers poses as JSON, and neither checks nor prepares nor
corrects anything.
"""
