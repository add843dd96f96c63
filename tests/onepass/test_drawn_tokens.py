"""The cutoff fitted and the tokens drawn by it, beside what `test_collectors` holds: split anywhere, same answer."""

from dataclasses import replace

import numpy as np
import torch

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.metrics.token_norms import cutoff, norm_counts
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import fit_class, make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.fitting import run_fit
from workflow_scripts.onepass.stores import store_bytes

ASKED = {"draws": 4, "precision": "float32", "seed": 1}


class Outliers(FakeVit):
    """A vit some of whose patches, the third of images whose first pixel is above 0, have a norm of a hundred times."""

    def __init__(self, **options):
        super().__init__(grid=(10, 12), dim=24, **options)  # norms of 24 numbers are much alike

    def _layer(self, images, index, attention):
        layer = super()._layer(images, index, attention)
        token = layer.token.clone()
        if index == self.n_layers:
            token[images[:, 0, 0, 0] > 0, self.n_prefix : self.n_prefix + 7] *= 100
        return replace(layer, token=token)


def source():
    return FakeSource(n_patches=120)


def fitted(vit, folder, batches=4):
    fit = fit_class("norm_cutoff")(vit.n_layers, batches=batches, batch_size=2)
    run_fit(vit, "fake", source(), fit, 0, folder / "kept", {})
    return fit.result()


def test_the_cutoff_is_that_of_the_images_seen(tmp_path):
    vit = Outliers(n_prefix=3)
    result = fitted(vit, tmp_path, batches=5)
    seen = np.concatenate([*fit_class("norm_cutoff")(3, batches=5, batch_size=2).batches(11, 0)])
    norms = vit._layer(source().images[seen], 3, False).token[:, 3:].norm(dim=-1).numpy()
    assert np.array_equal(result["counts"], norm_counts(norms))
    assert result["cutoff"][0] == cutoff(norm_counts(norms))
    assert 20 < result["cutoff"][0] < 300
    assert fitted(FakeVit(), tmp_path)["cutoff"][0] == np.inf


def test_tokens_are_drawn_on_their_side_of_the_cutoff(tmp_path):
    vit = Outliers(n_prefix=3)
    write_arrays(tmp_path / "fit.safetensors", fitted(vit, tmp_path), {})
    (made,) = make_collectors({"drawn_tokens": {"cutoff": str(tmp_path / "fit.safetensors"), **ASKED}}, PassFacts(11, 0, 3))
    run_pass(vit, "fake", source(), [made], batch_size=4)
    rows = {key: value.array() for key, value in made.rows.items()}
    has = np.flatnonzero((source().images[:, 0, 0, 0] > 0).numpy())
    assert 0 < len(has) < 11 and np.sort(made.rows["high"].index).tolist() == has.tolist()
    assert {key: value.shape for key, value in rows.items()} == {
        "high": (len(has), 1, 4, 24), "normal": (11, 1, 4, 24), "cls": (11, 1, 1, 24),
    }  # fmt: skip
    tokens = vit._layer(source().images, 3, False).token
    assert np.array_equal(rows["cls"][:, 0, 0], tokens[:, 0])
    for kind, patches, images in (("high", tokens[has, 3:10], has), ("normal", tokens[:, 3:], range(11))):
        for place, image in enumerate(images):
            drawn = torch.tensor(rows[kind][place, 0])
            where = (drawn[:, None] == patches[place if kind == "high" else image]).all(-1)
            assert where.any(1).all()
            assert (drawn.norm(dim=-1) > made.options["cutoff"]).all() == (kind == "high")
    assert rows["high"].nbytes + rows["normal"].nbytes + rows["cls"].nbytes <= store_bytes(
        "drawn_tokens", ASKED, 11, 120, 24, 3
    )


def test_without_a_high_token_or_cls_there_are_no_rows_of_them():
    (made,) = make_collectors({"drawn_tokens": {"cutoff": np.inf, **ASKED}}, PassFacts(11, 0, 3))
    run_pass(FakeVit(n_prefix=0), "fake", FakeSource(), [made], batch_size=4)
    assert set(made.rows) == {"normal"}
