"""Feature tables: right numbers in the right rows, from made-up statistics."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import COLUMNS, make_table
from workflow_scripts.studies.thesis import cka, residual
from workflow_scripts.studies.thesis.clustering import clustering_rows


def brute_hsic(k, l):  # noqa: E741 the letters of the paper
    n = len(k)
    k, l = k * (1 - np.eye(n)), l * (1 - np.eye(n))  # noqa: E741 the letters of the paper
    one = np.ones(n)
    return (np.trace(k @ l) + (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ l @ one)) / (
        n * (n - 3)
    )


def brute_cka(a, b, minmax):
    def scaled(gram):
        return (gram - gram.min()) / (gram - gram.min()).max() if minmax else gram

    pairs = [(scaled(x.astype(float)), scaled(y.astype(float))) for x, y in zip(a, b, strict=True)]
    cross, first, second = (np.mean([brute_hsic(p[i], p[j]) for p in pairs]) for i, j in ((0, 1), (0, 0), (1, 1)))
    return cross / np.sqrt(first * second)


SITES = ("token_cls", "token_spatial", "token_all", "norm1_all", "norm2_all")
RESIDUAL = ("attention_skip_all", "attention_branch_all", "mlp_skip_all", "mlp_branch_all")


def grams(layers, seed, blocks=5, size=8):
    rng = np.random.default_rng(seed)
    features = {name: rng.normal(size=(blocks, layers, size, 6)) for name in SITES + RESIDUAL}
    return {name: (x @ x.swapaxes(-1, -2)).astype(np.float32) for name, x in features.items()}


def cka_table(models):
    """The table of made-up models, as the analysis makes it from their passes."""
    passes = {
        name: {"images": SimpleNamespace(state={"gram_blocks": arrays}.get, dataset="images", made={"n_images": 10}, files={})}
        for name, arrays in models.items()
    }
    return make_table(list(cka.rows(passes, {}, 0)), study="thesis", analysis="cka")


@pytest.fixture(scope="module")
def compared():
    models = {"one": grams(2, 0), "two": grams(3, 1)}
    return models, cka_table(models)


def pick(table, **columns):
    rows = table
    for name, value in columns.items():
        rows = rows[rows[name] == value]
    assert len(rows) == 1, rows
    return rows.iloc[0]


@pytest.mark.parametrize(("metric", "minmax"), [("cka_minmax", True), ("cka_plain", False)])
@pytest.mark.parametrize("tokens", ["cls", "spatial", "all"])
def test_last_layers_of_two_models(compared, metric, minmax, tokens):
    models, table = compared
    last = table[table["facet"] == "token"]
    row = pick(last, metric=metric, setting=tokens, model="one", other_model="two")
    expected = brute_cka(models["one"][f"token_{tokens}"][:, -1], models["two"][f"token_{tokens}"][:, -1], minmax)
    assert row["value"] == pytest.approx(expected, abs=1e-5)
    assert (row["layer"], row["other_layer"], row["other_facet"], row["n"]) == (2, 3, "token", 5)
    assert row["ci_low"] <= row["ci_high"]
    assert pick(last, metric=metric, setting=tokens, model="two", other_model="two")["value"] == pytest.approx(1)


def test_depth_is_compared_at_both_norms_of_every_block(compared):
    models, table = compared
    depth = table[table["facet"].isin(["norm1", "norm2"]) & (table["metric"] == "cka_plain")]
    assert len(depth) == 4 * 4 + 4 * 6 + 6 * 6
    row = pick(depth, model="one", layer=2, facet="norm1", other_model="two", other_layer=3, other_facet="norm2")
    expected = brute_cka(models["one"]["norm1_all"][:, 1], models["two"]["norm2_all"][:, 2], minmax=False)
    assert row["value"] == pytest.approx(expected, abs=1e-5)
    assert set(depth["setting"]) == {"all"}


def test_skips_are_compared_with_branches_of_the_same_model(compared):
    models, table = compared
    residual = table[(table["facet"] == "mlp_skip") & (table["metric"] == "cka_minmax")]
    assert (residual["model"] == residual["other_model"]).all()
    row = pick(residual, model="two", layer=1, other_layer=3, other_facet="attention_branch")
    expected = brute_cka(models["two"]["mlp_skip_all"][:, 0], models["two"]["attention_branch_all"][:, 2], minmax=True)
    assert row["value"] == pytest.approx(expected, abs=1e-5)


def test_a_representation_that_does_not_distinguish_images_has_no_row():
    constant = grams(2, 0)
    constant["token_cls"][:, -1] = 3
    table = cka_table({"one": constant})
    assert not ((table["facet"] == "token") & (table["setting"] == "cls")).any()
    assert ((table["facet"] == "token") & (table["setting"] == "all")).any()


def test_models_that_saw_other_images_are_not_compared():
    def passed(dataset, n_images):
        files = {"pass": f"{dataset}.safetensors"}
        return {"images": SimpleNamespace(dataset=dataset, made={"n_images": n_images}, files=files, state=None)}

    for other in (passed("b", 10), passed("a", 9)):
        with pytest.raises(AtlasError, match=r"safetensors: over other images than a\.safetensors"):
            list(cka.rows({"one": passed("a", 10), "two": other}, {}, 0))


def test_clustering_scores_of_separate_blobs_are_perfect_and_of_noise_are_not():
    rng = np.random.default_rng(0)
    labels = np.repeat([3, 8, 9], 20)
    blobs = labels[:, None] * 10.0 + rng.normal(size=(60, 4))
    features = np.stack([blobs, rng.normal(size=(60, 4))], 1)
    table = make_table(clustering_rows(features, labels, np.arange(60), 3, 4, 0, facet="cls", setting="normal", dataset="d"))
    assert list(table.columns) == list(COLUMNS)
    first, second = (table[table["layer"] == layer].set_index("metric")["value"] for layer in (1, 2))
    assert first.to_dict() == pytest.approx({"purity": 1, "nmi": 1, "ari": 1})
    assert second["purity"] < 0.7
    assert second["ari"] < 0.3
    assert set(table["facet"]) == {"cls"}


def test_clustering_scores_are_those_of_the_partition(monkeypatch):
    partition = np.array([0, 0, 1, 1, 2, 2, 2, 0])
    labels = np.array([5, 5, 5, 7, 7, 7, 7, 5])
    monkeypatch.setattr("workflow_scripts.studies.thesis.clustering.kmeans_partition", lambda *arguments: partition)
    rows = clustering_rows(np.zeros((8, 1, 2)), labels, np.arange(8) // 2, 3, 1, 0)
    found = {row["metric"]: row["value"] for row in rows}
    assert found["purity"] == pytest.approx(7 / 8)
    assert found["nmi"] == pytest.approx(normalized_mutual_info_score(labels, partition))
    assert found["ari"] == pytest.approx(adjusted_rand_score(labels, partition))
    assert all(row["n"] == 8 for row in rows)


def test_residual_ratios_are_means_over_images():
    rng = np.random.default_rng(0)
    ratios = {
        f"{branch}_{tokens}": rng.random((20, 3)) for branch in ("attention", "mlp") for tokens in ("cls", "spatial", "all")
    }
    passes = {"images": SimpleNamespace(state={"residual_ratio": ratios}.get, dataset="images")}
    table = make_table(list(residual.rows(passes, {}, 0)), model="one")
    assert len(table) == 18
    row = pick(table, facet="mlp", setting="spatial", layer=2)
    assert row["value"] == pytest.approx(ratios["mlp_spatial"][:, 1].mean())
    assert row["ci_low"] < row["value"] < row["ci_high"]
    assert (row["metric"], row["unit"], row["n"]) == ("skip_branch_ratio", "ratio", 20)
