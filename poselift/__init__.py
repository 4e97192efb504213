"""The wire contract: messages generated from the .proto files beside them."""
