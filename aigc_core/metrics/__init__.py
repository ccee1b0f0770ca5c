"""How good made pictures are, measured: one file per family of metrics.

Arrays go in, numbers come out (`frechet`, `inception_score`, `manifold`, `neighbours`); the frozen
`judge` turns pictures into features and logits; `scores` puts these together. `python -m
aigc_core.metrics MODEL` samples a model, measures it and writes its card; `card.read_card` reads
the figures back without PyTorch.
"""
