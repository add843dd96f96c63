"""From statistics to the table and the maps: every number against the per-image values it is made of."""

from types import SimpleNamespace

import numpy as np
import pytest

from workflow_scripts.common.table import make_table
from workflow_scripts.metrics.heads import average_offset, head_kinds, peak, relative_reach
from workflow_scripts.metrics.noise import ROWS, SOURCES, noise_iou
from workflow_scripts.studies.thesis.attention import BEST_ON_AVERAGE, ORACLE, attention_maps, rows

IMAGES, L, H, GRID = 7, 2, 3, (3, 4)
N = GRID[0] * GRID[1]
T = N + 1
RNG = np.random.default_rng(0)
IOU = {
    **{source: RNG.random((IMAGES, L, H)).astype(np.float32) for source in ("cls", "spatial", "centre")},
    **{f"{source}_merged": RNG.random((IMAGES, L)).astype(np.float32) for source in ("cls", "spatial", "centre")},
}
STATES = {
    "average_attention": {
        "n_images": np.array([IMAGES]),
        **{mode: RNG.random((L, H, T)) for mode in ("all", "cls", "spatial", "spatial_pure")},
        "class_all": RNG.random((L, 4, H, T)),
        "class_images": np.array([[3, 0, 3, 1]] * L, float),
    },
    "aligned_attention": {"n_images": np.array([IMAGES]), "aligned": RNG.random((L, H, 5, 7))},
    "attention_distance": {"distance": RNG.random((IMAGES, L, H)).astype(np.float32)},
    "spatial_to_cls": {key: RNG.random((IMAGES, L, H)).astype(np.float32) for key in ("cls", "first_patch")},
    "attention_deviation": {
        "position": RNG.random((IMAGES, L, H)).astype(np.float32),
        "head": RNG.random((IMAGES, L)).astype(np.float32),
    },
    "top_token_share": {"share": RNG.random((IMAGES, L, H)).astype(np.float32)},
    "chosen_attention": {"cls": RNG.random((2, L, H, T)).astype(np.float32)},
}
HAS_OBJECT = np.array([1, 1, 0, 1, 1, 1, 1, 1, 0], np.uint8)  # two images keep no object on the grid
OBJECTS = (RNG.random((9, N)) < 0.5).astype(np.uint8) * HAS_OBJECT[:, None]


def table(weights, with_masks=True):
    """Return the table of a model, of the random baseline without `weights`."""
    masks = {
        "state": {"mask_iou": IOU}.get,
        "truth": {"masks": ({"object_mask": OBJECTS, "has_object": HAS_OBJECT}, {})}.get,
        "made": {"n_prefix": 1, "weights_sha256": weights},
    }
    passes = {
        "images": SimpleNamespace(state=STATES.get, grid=GRID, dataset="images"),
    }
    if with_masks:
        passes["masks"] = SimpleNamespace(grid=GRID, dataset="masks", **masks)
    return make_table(list(rows(passes, {}, seed=0)), study="thesis", analysis="attention", model="m")


TABLE, RANDOM = table(weights="abc"), table(weights="")


def value(metric, layer, head, setting="", column="value", of=TABLE):
    row = of.query("metric == @metric and layer == @layer and head == @head and setting == @setting")
    assert len(row) == 1, (metric, layer, head, setting, len(row))
    return row[column].item()


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("attention_distance", STATES["attention_distance"]["distance"]),
        ("spatial_to_cls_attention", STATES["spatial_to_cls"]["cls"]),
        ("spatial_to_first_patch_attention", STATES["spatial_to_cls"]["first_patch"]),
        ("top_token_share", STATES["top_token_share"]["share"]),
        ("position_deviation", STATES["attention_deviation"]["position"]),
    ],
)
def test_head_metrics_are_means_over_images(metric, values):
    for layer, head in np.ndindex(L, H):
        assert value(metric, layer + 1, str(head + 1)) == pytest.approx(values[:, layer, head].mean())
    for layer in range(L):
        mean = values[:, layer].mean()
        assert value(metric, layer + 1, "mean") == pytest.approx(mean)
        assert value(metric, layer + 1, "mean", column="ci_low") < mean < value(metric, layer + 1, "mean", column="ci_high")
        assert value(metric, layer + 1, "mean", column="n") == IMAGES


def test_head_deviation():
    assert value("head_deviation", 2, "mean") == pytest.approx(STATES["attention_deviation"]["head"][:, 1].mean())


@pytest.mark.parametrize("source", ["cls", "spatial", "centre"])
def test_both_pooling_rules_of_the_best_head(source):
    for layer in range(L):
        values = IOU[source][:, layer]
        oracle, average = values.max(1).mean(), values.mean(0).max()
        assert value(f"mask_iou_{source}", layer + 1, "best", ORACLE) == pytest.approx(oracle)
        assert value(f"mask_iou_{source}", layer + 1, "best", BEST_ON_AVERAGE) == pytest.approx(average)
        assert oracle >= average
        merged = IOU[f"{source}_merged"][:, layer].mean()
        assert value(f"mask_iou_{source}", layer + 1, "merged", "heads merged") == pytest.approx(merged)


def test_rows_name_the_dataset_they_come_from():
    iou = TABLE["metric"].str.contains("_iou_")
    assert set(TABLE.loc[iou, "dataset"]) == {"masks"}
    assert set(TABLE.loc[~iou, "dataset"]) == {"images"}


def test_every_head_has_one_kind():
    aligned = STATES["aligned_attention"]["aligned"] / IMAGES
    kinds = head_kinds(aligned, STATES["top_token_share"]["share"].mean(0), GRID)
    rows = TABLE.query("metric == 'head_kind'")
    assert len(rows) == L * H
    for layer, head in np.ndindex(L, H):
        row = rows[(rows["layer"] == layer + 1) & (rows["head"] == str(head + 1))]
        assert row["setting"].item() == kinds[layer, head]


@pytest.mark.parametrize(("layer", "head"), list(np.ndindex(L, H)))
def test_where_attention_lies_and_how_local_it_is_are_rows_of_their_own(layer, head):
    aligned = STATES["aligned_attention"]["aligned"][layer, head].astype(np.float32)
    top, centre = peak(aligned), average_offset(aligned)
    shown = dict(zip(("offset_x", "offset_y", "offset_distance"), centre, strict=True))
    shown |= {"peak_offset_x": top.x, "peak_offset_y": top.y, "peak_offset_distance": np.hypot(top.x, top.y)}
    shown |= {"peak_share": top.share, "relative_reach": relative_reach(aligned)}
    for metric, expected in shown.items():
        assert value(metric, layer + 1, str(head + 1)) == pytest.approx(float(expected), rel=1e-5), metric


NOISE = {
    scaling: noise_iou(OBJECTS[HAS_OBJECT > 0] > 0, scaling, GRID, n_prefix=1, n_heads=H, n_layers=L, seed=0)
    for scaling in (ROWS, SOURCES)
}


@pytest.mark.parametrize("scaling", [ROWS, SOURCES])
@pytest.mark.parametrize("source", ["cls", "spatial", "centre"])
@pytest.mark.parametrize("of", [TABLE, RANDOM], ids=["model", "random baseline"])
def test_noise_on_the_model_s_own_grid_stands_beside_its_iou(of, source, scaling):
    row = of[(of["metric"] == f"noise_iou_{source}") & (of["setting"] == scaling)]
    assert len(row) == 1
    assert row["layer"].isna().all()
    assert row["value"].item() == pytest.approx(NOISE[scaling][source][:, 0].max(-1).mean())
    assert row["ci_low"].item() < row["value"].item() < row["ci_high"].item()


@pytest.mark.parametrize("source", ["cls", "spatial", "centre"])
def test_the_random_baseline_is_the_study_s_noise_and_its_pass_stands_apart(source):
    for layer in range(L):
        study, own = NOISE[SOURCES][source][:, layer], IOU[source][:, layer]
        for setting, pooled in ((ORACLE, lambda v: v.max(1).mean()), (BEST_ON_AVERAGE, lambda v: v.mean(0).max())):
            assert value(f"mask_iou_{source}", layer + 1, "best", setting, of=RANDOM) == pytest.approx(pooled(study))
            named = f"{setting}, {ROWS}"
            assert value(f"mask_iou_{source}", layer + 1, "best", named, of=RANDOM) == pytest.approx(pooled(own))
    assert not TABLE[TABLE["metric"].str.startswith("mask_iou")]["setting"].str.contains(ROWS).any()


def test_class_deviation_leaves_out_classes_without_an_image():
    average = STATES["average_attention"]
    maps = np.stack([average["class_all"][:, c] / average["class_images"][0, c] for c in (0, 2, 3)])
    expected = maps.std(0).mean(-1)
    for layer, head in np.ndindex(L, H):
        assert value("class_deviation", layer + 1, str(head + 1)) == pytest.approx(expected[layer, head])


def test_maps_are_divided_by_the_number_of_images():
    maps = attention_maps(STATES)
    assert np.allclose(maps["average_cls"], STATES["average_attention"]["cls"] / IMAGES)
    assert np.allclose(maps["aligned"], STATES["aligned_attention"]["aligned"] / IMAGES)
    assert maps["single_cls"].shape == (2, L, H, T)
    assert all(array.dtype == np.float32 for array in maps.values())


def test_without_masks_there_is_no_iou_and_all_the_rest():
    rest = table("abc", with_masks=False)
    assert len(rest) == (~TABLE["metric"].str.contains("_iou_")).sum()
    assert rest.equals(TABLE[~TABLE["metric"].str.contains("_iou_")].reset_index(drop=True))


def test_no_row_stands_twice():
    keys = ["dataset", "layer", "head", "metric", "setting"]
    assert not TABLE.duplicated(keys).any()
    assert not RANDOM.duplicated(keys).any()
