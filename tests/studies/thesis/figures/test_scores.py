"""Figures of scores over layers show the rows that they say, in the right panels, at the values given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.figures.synthetic import SMALL, save_table
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures import scores, style
from workflow_scripts.figures.curves import Curve
from workflow_scripts.studies.found import find_study

STUDY = find_study("thesis")
# For each figure its panels from left to right, row by row: analysis, metric, facet, setting, title, vertical axis.
PURITY = ("clustering", "purity")
TOP1, MAP = ("knn", "knn_top1", "cls", "k = 20"), ("retrieval", "mean_average_precision", "cls", "medium")
JF, PCK = ("video", "jf_mean", "token", "dense"), ("keypoints", "pck_0.1", "token", "thesis rule")
RATIO = [
    ("residual", "skip_branch_ratio", part, tokens) for part in ("attention", "mlp") for tokens in ("cls", "spatial", "all")
]
PANELS = {
    "clustering_image": [(*PURITY, "cls", "normal"), (*PURITY, "mean_patch", "normal")],
    "clustering_local": [(*PURITY, "object", "normal"), (*PURITY, "part", "normal")],
    "clustering_local_dense": [(*PURITY, "object", "dense"), (*PURITY, "part", "dense")],
    "global_tasks": [TOP1, MAP],
    "local_tasks": [JF, PCK],
    "residual_ratio": RATIO,
}
BY_SUPERVISION = {
    "clustering_cls_by_supervision": (*PURITY, "cls", "normal"),
    "clustering_spatial_by_supervision": (*PURITY, "mean_patch", "normal"),
    "clustering_object_by_supervision": (*PURITY, "object", "normal"),
    "clustering_part_by_supervision": (*PURITY, "part", "normal"),
    "knn_by_supervision": TOP1,
    "retrieval_by_supervision": MAP,
    "video_by_supervision": JF,
    "keypoints_by_supervision": PCK,
}
FAMILY = {"Labels": "fs_b16", "Captions": "clip_b16", "Contrastive": "dino_b16"}


def given_rows(files, model, analysis, metric, facet, setting):
    """Return the rows straight from the file, by layer."""
    path = next(path for path in files.tables[analysis] if path.stem == model)
    rows = pd.read_parquet(path)
    kept = (rows["metric"] == metric) & (rows["facet"] == facet) & (rows["setting"] == setting)
    return rows[kept].sort_values("layer")


def check_lines(axes, files, models, curve):
    """The lines of a panel are the models' values at their layers, and the level of the random baseline."""
    curves = sorted((list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines if len(line.get_xdata()) > 2)
    expected = [given_rows(files, model, *curve) for model in models if model != "random_baseline"]
    depth = {shape.id: shape.layers for shape in SMALL}  # they differ, so that the axis is relative depth
    places = [(rows["layer"] / depth[rows["model"].iloc[0]]).tolist() for rows in expected]
    assert curves == sorted(zip(places, (rows["value"].tolist() for rows in expected), strict=True))
    levels = [line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
    if "random_baseline" in models:
        assert levels == [pytest.approx(given_rows(files, "random_baseline", *curve)["value"].head(10).mean())]


def check_data(shown, files, curves, models):
    """The CSV is the given rows and no others; of the random baseline the ten layers that its level averages."""
    count = 0
    for curve in curves:
        for model in models:
            rows = given_rows(files, model, *curve)
            rows = rows.head(10) if model == "random_baseline" else rows
            kept = (shown["model"] == model) & (shown["metric"] == curve[1])
            mine = shown[kept & (shown["facet"] == curve[2]) & (shown["setting"] == curve[3])]
            for column in ("layer", "value", "ci_low", "ci_high", "n"):
                np.testing.assert_array_equal(mine[column].to_numpy(float), rows[column].to_numpy(float))
            assert set(mine["dataset"]) == set(rows["dataset"])
            count += len(rows)
    assert len(shown) == count


@pytest.mark.parametrize("name", PANELS)
def test_panels_show_their_rows(name, drawn_small, small_files):
    result, curves = drawn_small(name), PANELS[name]
    models = [shape.id for shape in SMALL] + ["random_baseline"] * (name != "residual_ratio")
    assert len(result.figure.axes) == len(curves)
    for axes, curve in zip(result.figure.axes, curves, strict=True):
        check_lines(axes, small_files, models, curve)
    check_data(result.data, small_files, curves, models)


@pytest.mark.parametrize("name", BY_SUPERVISION)
def test_panels_by_supervision_show_their_rows(name, drawn_small, small_files):
    result, curve = drawn_small(name), BY_SUPERVISION[name]
    assert {axes.get_title(loc="left"): axes for axes in result.figure.axes}.keys() == FAMILY.keys()
    for axes in result.figure.axes:
        check_lines(axes, small_files, [FAMILY[axes.get_title(loc="left")], "untrained", "random_baseline"], curve)
        assert len(axes.get_legend().get_texts()) == 1
    legend = result.figure.legends[0]  # of what is in every panel, once
    assert [text.get_text() for text in legend.get_texts()] == ["Untrained", "Random"]
    check_data(result.data, small_files, [curve], [*FAMILY.values(), "untrained", "random_baseline"])


def test_every_figure_of_scores_is_tested():
    tables = {figure.name for figure in STUDY.figures if figure.tables and "attention" not in figure.tables}
    assert tables == {*PANELS, *BY_SUPERVISION, "overview", "knn_neighbours"}


def test_titles_name_metric_and_dataset(drawn_small):
    axes = drawn_small("global_tasks").figure.axes
    assert [one.get_title(loc="left") for one in axes] == ["k-NN classification, k = 20", "Image retrieval, medium"]
    assert [one.get_ylabel() for one in axes] == ["Top-1 accuracy", "Mean average precision"]
    assert [one.get_title(loc="right") for one in axes] == ["imagenet_1k", "roxford5k"]
    named = [one.get_title(loc="right") for one in drawn_small("clustering_image").figure.axes]
    assert named == ["", "imagenet_50"]  # once, if the row has one dataset
    named = [one.get_title(loc="right") for one in drawn_small("knn_by_supervision").figure.axes]
    assert named == ["", "", "imagenet_1k"]  # at the same place


def test_scores_start_at_zero_and_ratios_that_spread_are_logarithmic(drawn_small, small_files, tmp_path):
    for name in ("clustering_image", "local_tasks", "keypoints_by_supervision", "knn_neighbours"):
        assert all(axes.get_ylim()[0] == 0 for axes in drawn_small(name).figure.axes)
    wide = drawn_small("residual_ratio")
    assert wide.data["value"].max() / wide.data["value"].min() > 10
    assert {axes.get_yscale() for axes in wide.figure.axes} == {"log"}
    assert all(any(list(line.get_ydata()) == [1, 1] for line in axes.lines) for axes in wide.figure.axes)
    frame = pd.read_parquet(small_files.tables["residual"][0])
    path = save_table(tmp_path / "fs_b16.parquet", frame.assign(value=frame["value"].clip(upper=9)))
    narrow = small_files.draw(STUDY.figure("residual_ratio"), ["fs_b16"], tables=[path])
    assert {axes.get_yscale() for axes in narrow.figure.axes} == {"linear"}


def test_video_is_drawn_from_the_ordinary_grid_where_the_run_has_no_other(small_files, drawn_small, tmp_path):
    assert drawn_small("local_tasks").figure.axes[0].get_title(loc="left") == "Video object segmentation, dense"
    frame = pd.read_parquet(small_files.tables["video"][0])
    path = save_table(tmp_path / "fs_b16.parquet", frame[frame["setting"] == "normal"])
    result = small_files.draw(STUDY.figure("video_by_supervision"), ["fs_b16"], tables=[path])
    assert result.figure.axes[0].get_ylabel() == "J&F mean, normal"
    assert set(result.data["setting"]) == {"normal"}


def test_the_csv_says_what_n_counts_and_the_interval_is_over(drawn_small):
    said = {
        "video_by_supervision": ("objects", "videos"),
        "global_tasks": ("images", "images"),
        "keypoints_by_supervision": ("keypoints", "categories (of one category: pairs of images)"),
    }
    for name, expected in said.items():
        first = drawn_small(name).data.iloc[0]
        assert (first["n_of"], first["interval_over"]) == expected


def test_single_tiny_ratios_do_not_flatten_all_others(small_files, drawn_small, tmp_path):
    frame = pd.read_parquet(small_files.tables["residual"][0])
    place = (frame["layer"] == 1) & (frame["setting"] == "cls") & (frame["facet"] == "mlp")
    path = save_table(tmp_path / "fs_b16.parquet", frame.assign(value=frame["value"].mask(place, 3e-6)))
    result = small_files.draw(STUDY.figure("residual_ratio"), ["fs_b16"], tables=[path])
    assert all(axes.get_ylim()[0] > 1e-3 for axes in result.figure.axes)
    assert result.data["value"].min() == 3e-6  # it stands in the CSV


def test_several_datasets_make_a_row_of_panels_each(small_files, tmp_path):
    frame = pd.read_parquet(small_files.tables["clustering"][0])
    again = frame[frame["facet"] == "object"].assign(dataset="ade20k")
    path = save_table(tmp_path / "fs_b16.parquet", pd.concat([frame, again]))
    local = small_files.draw(STUDY.figure("clustering_local"), ["fs_b16"], tables=[path])
    assert [axes.get_title(loc="right") for axes in local.figure.axes] == ["coco", "partimagenet", "ade20k"]
    objects = small_files.draw(STUDY.figure("clustering_object_by_supervision"), ["fs_b16"], tables=[path])
    assert [axes.get_title(loc="right") for axes in objects.figure.axes] == ["coco", "ade20k"]
    assert set(objects.data["dataset"]) == {"coco", "ade20k"}
    attention = pd.read_parquet(small_files.tables["attention"][0])
    again = attention[attention["metric"].str.startswith("mask_iou")].assign(dataset="coco")
    path = save_table(tmp_path / "iou" / "fs_b16.parquet", pd.concat([attention, again]))
    iou = small_files.draw(STUDY.figure("mask_iou"), ["fs_b16"], tables=[path])
    assert [axes.get_title(loc="left") for axes in iou.figure.axes] == ["CLS token", "Patch tokens"] * 2
    assert [axes.get_title(loc="right") for axes in iou.figure.axes] == ["", "demo_val", "", "coco"]


def test_neighbours_are_shown_at_the_layer_best_with_twenty(drawn_small, small_files, tmp_path):
    result = drawn_small("knn_neighbours")
    for axes in result.figure.axes:
        model = FAMILY[axes.get_title(loc="left")]
        by_k = {k: given_rows(small_files, model, "knn", "knn_top1", "cls", f"k = {k}") for k in (10, 20, 100, 200)}
        best = by_k[20]["layer"].to_numpy()[by_k[20]["value"].to_numpy().argmax()]
        values = [rows.loc[rows["layer"] == best, "value"].item() for rows in by_k.values()]
        assert any(list(line.get_ydata()) == values and list(line.get_xdata()) == list(by_k) for line in axes.lines)
        mine = result.data[result.data["model"] == model]
        assert mine["value"].tolist() == values
        assert set(mine["layer"]) == {best}
    frame = pd.read_parquet(small_files.tables["knn"][0])
    path = save_table(tmp_path / "fs_b16.parquet", frame[frame["setting"] != "k = 100"])
    fewer = small_files.draw(STUDY.figure("knn_neighbours"), ["fs_b16"], tables=[path]).figure.axes[
        0
    ]  # which k there are is a setting
    assert [text.get_text() for text in fewer.get_xticklabels()] == ["10", "20", "200"]
    random = [
        given_rows(small_files, "random_baseline", "knn", "knn_top1", "cls", f"k = {k}")["value"].head(10).mean()
        for k in (10, 20, 100, 200)
    ]
    for axes in result.figure.axes:
        assert any(np.allclose(line.get_ydata(), random) for line in axes.lines)


def test_best_score_is_the_first_highest_layer_and_the_mean_of_the_baseline(small):
    curve = Curve("knn_top1", facet="cls", setting="k = 20")
    best = scores.best_scores(small, curve, "imagenet_1k").set_index("model")
    for table in small.tables[:-1]:
        rows = curve.rows(table)
        assert best.loc[table.model.id, "value"] == rows["value"].max()
        assert best.loc[table.model.id, "layer"] == rows["layer"][rows["value"].argmax()]
    baseline = curve.rows(small.tables[-1])["value"]
    assert best.loc["random_baseline", "value"] == pytest.approx(baseline[:10].mean())
    assert pd.isna(best.loc["random_baseline", "layer"])
    assert np.isnan(best.loc["random_baseline", "ci_low"])


def test_overview_shows_one_map_the_similarities_and_the_best_scores(small, small_files, drawn_small):
    result = drawn_small("overview")
    maps, matrix, *tasks = [result.figure.axes[:4], result.figure.axes[4], *result.figure.axes[5:]]
    assert [axes.get_title() for axes in maps] == ["FS B/16", "CLIP B/16", "DINO B/16", "Untrained"]
    assert [axes.get_xlabel()[:3] for axes in maps] == ["[4,", "[3,", "[4,", "[4,"]  # three quarters of 6 and of 4 layers
    shown = result.data[(result.data["part"] == "attention") & (result.data["model"] == "clip_b16")]
    layer, head = (int(shown[name].iloc[0]) for name in ("layer", "head"))
    expected = small.maps["attention"][1].on_grid("average_cls")[layer - 1, head - 1]
    np.testing.assert_allclose(shown[["minimum", "maximum"]].to_numpy(float), [[expected.min(), expected.max()]])
    assert len(matrix.images) == 1
    assert len(tasks) == 4
    for axes, curve in zip(tasks, (TOP1, MAP, JF, PCK), strict=True):
        best = [given_rows(small_files, shape.id, *curve).nlargest(1, "value") for shape in SMALL]
        assert [bar.get_width() for bar in axes.patches] == [rows["value"].item() for rows in best]
        colours = [bar.get_facecolor()[:3] for bar in axes.patches]
        assert colours[0] == pytest.approx(
            tuple(int(style.FAMILY_COLOURS["supervised"][i : i + 2], 16) / 255 for i in (1, 3, 5))
        )
        said = [text.get_text() for text in axes.texts]
        assert said == [f"{rows['value'].item():.2f} [{rows['layer'].item()}]" for rows in best]
        chance = given_rows(small_files, "random_baseline", *curve)["value"].head(10).mean()
        assert any(line.get_xdata()[0] == pytest.approx(chance) for line in axes.lines)
    assert (result.data["part"] == "score").sum() == 4 * 5


def test_missing_rows_are_named(small_files, tmp_path):
    frame = pd.read_parquet(small_files.tables["video"][0])
    path = save_table(tmp_path / "fs_b16.parquet", frame[frame["setting"] != "dense"])
    two = ["fs_b16", "clip_b16"]
    with pytest.raises(AtlasError, match=r"fs_b16\.parquet: metric 'jf_mean' has no rows for facet 'token', setting 'dense'"):
        small_files.draw(STUDY.figure("video_by_supervision"), two, tables=[path, small_files.tables["video"][1]])
    path = save_table(tmp_path / "other" / "fs_b16.parquet", frame[frame["metric"] != "jf_mean"])
    with pytest.raises(AtlasError, match=r"other/fs_b16\.parquet: no metric 'jf_mean'; did you mean 'j_mean'"):
        small_files.draw(STUDY.figure("video_by_supervision"), ["fs_b16"], tables=[path])
    both = STUDY.figure("local_tasks")
    with pytest.raises(AtlasError, match=r"no table of analysis 'keypoints' of model 'fs_b16' is given \(only .*video"):
        small_files.draw(both, two[:1], tables=small_files.tables["video"][:1])
    with pytest.raises(AtlasError, match=r"no table of analysis 'keypoints' of model 'clip_b16'"):
        small_files.draw(both, tables=[*small_files.tables["video"], small_files.tables["keypoints"][0]])
