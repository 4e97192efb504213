"""The paper's comparisons and the ablation of the training recipe."""
