"""One trainer for every model written from scratch, and the recipes.

`python -m aigc_core.training RECIPE` trains; see `trainer.Trainer` for what it owns.
"""
