"""The paper's temporal model, its checkpoints, and those of the paper's authors."""
