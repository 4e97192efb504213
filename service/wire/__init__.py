"""Bodies to requests and results to bodies, in JSON and protobuf, for every transport."""
