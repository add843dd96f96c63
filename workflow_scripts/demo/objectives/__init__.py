"""The demo's pretraining objectives, one module per method."""
