"""Figures of norms are drawn from a made-up run, and their numbers are those of the tables and maps."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.studies.registers.made_up_norms import SHOWN, cutoff, figure_data, norms_of_tokens
from workflow_scripts.figures.style import PAGE_WIDTH, atlas_style
from workflow_scripts.studies.registers.conditions import OF_LAST, PATCH, SHARE, register
from workflow_scripts.studies.registers.figures.norms_by_size import of_sizes
from workflow_scripts.studies.registers.histogram_panels import draw_histogram
from workflow_scripts.studies.registers.norm_measures import Above, Histogram, norms_of

FIGURES = (
    "artifact_attention", "norm_histograms", "norm_maps", "norms_before_after", "norms_by_layer", "norms_by_size",
    "outlier_share_by_layer", "register_norms",
)  # fmt: skip
FEW = ("dino_b16", "dinov2_g14", "siglip_b16")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return figure_data(tmp_path_factory.mktemp("maps"))


def of_models(data, kept):
    """Return the data of the models of which `kept(model)` is true, and of the random baseline."""
    return replace(
        data,
        models=tuple(model for model in data.models if model.random or kept(model)),
        tables=tuple(one for one in data.tables if one.model.random or kept(one.model)),
        maps={"norms": tuple(one for one in data.maps["norms"] if kept(one.model))},
    )


def drawn(data, name):
    """Draw a figure and lay it out, as saving does."""
    with atlas_style():
        made = importlib.import_module(f"workflow_scripts.studies.registers.figures.{name}").draw(data)
        FigureCanvasAgg(made.figure).draw()
    return made


def model_of(data, name):
    return next(model for model in data.models if model.id == name)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def titled(made, title):
    """Return the panel of a figure by its title."""
    return next(axes for axes in made.figure.axes if axes.get_title(loc="left") == title)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("kept", [None, FEW, ("dino_b16",), ("dinov2reg_l14",)], ids=["9", "3", "1", "with registers"])
def test_every_figure_is_drawn_of_any_models(data, name, kept):
    made = drawn(data if kept is None else of_models(data, lambda model: model.id in kept), name)
    assert made.figure.axes and made.figure.get_figwidth() <= PAGE_WIDTH + 0.01
    assert set(made.data["model"]) <= {maps.model.id for maps in data.maps["norms"]}
    assert len(made.data) or texts(made.figure.axes[0]) == ["none: no model has registers"]
    with atlas_style():
        box = made.figure.get_tightbbox()
    assert min(box.x0, box.y0) > -0.01 and (box.max < made.figure.get_size_inches() + 0.01).all()


def test_attention_is_of_models_with_cls_and_outlines_what_is_above_the_cutoff(data):
    made = drawn(data, "artifact_attention")
    assert set(made.data["model"]) == {maps.model.id for maps in data.maps["norms"]} - {"siglip_b16"}
    for name in ("dinov2_g14", "mae_l16"):
        own = made.data[made.data["model"] == name]
        (maps,) = (maps for maps in data.maps["norms"] if maps.model.id == name)
        count = own["image"].max()
        limit = cutoff(maps.model) or np.inf
        assert own["above_cutoff"].tolist() == (maps.array("norms")[:count] > limit).ravel().tolist()
        assert own["value"].tolist() == maps.array("attention")[:count].ravel().tolist()
        assert own["row"].max() == own["column"].max() == maps.model.grid[0] and count < SHOWN
    outlined = made.figure.axes[1 + 3].collections  # after the pictures: dinov2_g14
    plain = made.figure.axes[1].collections
    assert sum(len(one.get_segments()) for one in outlined) > sum(len(one.get_segments()) for one in plain)


def test_nobody_has_cls(data):
    made = drawn(of_models(data, lambda model: model.id == "siglip_b16"), "artifact_attention")
    assert made.data.empty and texts(made.figure.axes[0]) == ["none: no model has a CLS token"]


def test_norm_maps_have_one_range_that_ends_at_the_largest_norm(data):
    made = drawn(data, "norm_maps")
    largest = max(maps.array("norms")[:3].max() for maps in data.maps["norms"])
    assert made.data["value"].max() == largest and set(made.data["image"]) == {1, 2, 3}
    scale = made.figure.axes[-1]
    assert scale.get_xlim() == pytest.approx((0, largest)) and scale.get_xlabel() == f"L2 norm, 0 to {largest:.3g}"
    brightest = {axes.images[0].get_array()[..., :2].max() for axes in made.figure.axes[1:-1]}
    assert len(brightest) > 3  # a range of its own would give every map the brightest colour


def test_histograms_have_all_patches_and_say_what_is_above_the_cutoff(data):
    made = drawn(data, "norm_histograms")
    for name, said in (("dinov2_g14", "2.43 % above 145"), ("dino_b16", "no outliers")):
        model = model_of(data, name)
        own = made.data[made.data["model"] == name]
        assert own["count"].sum() == norms_of_tokens(model)[PATCH].shape[1] and set(own["layer"]) == {model.layers}
        axes = titled(made, model.display_name)
        assert texts(axes) == [said] and axes.get_yscale() == "log" and axes.get_xlim()[0] == 0
        assert [line.get_xdata()[0] for line in axes.lines] == ([cutoff(model)] if cutoff(model) else [])
        assert own["norm_to"].max() < axes.get_xlim()[1] < 1.1 * own["norm_to"].max()


def test_bins_of_unequal_width_are_shares_per_unit_of_norm():
    with atlas_style():
        axes = Figure().add_subplot()
        draw_histogram(axes, Histogram(PATCH, np.array([0.0, 1, 3, 10]), np.array([10, 10, 0])), "red", Above(None, 0.0))
    assert axes.patches[0].get_data().values[:2] == pytest.approx([0.5, 0.25])
    assert axes.get_xlim() == pytest.approx((0, 3.09))


def test_layers_are_columns_of_their_own_counts(data):
    made = drawn(data, "norms_by_layer")
    model = model_of(data, "dinov2_l14")
    own = made.data[made.data["model"] == model.id]
    assert own.groupby("layer")["count"].sum().tolist() == [norms_of_tokens(model)[PATCH].shape[1]] * model.layers
    high = own[own["norm_from"] > cutoff(model)]
    assert high["layer"].min() == model.layers * 3 // 8 + 1
    axes = titled(made, model.display_name)
    assert axes.get_yscale() == "log" and axes.get_xlim() == (0.5, model.layers + 0.5)
    (mesh,) = axes.collections
    assert mesh.get_array().sum() == own["count"].sum()


def test_bins_from_zero_can_be_drawn_on_a_logarithmic_axis(data):
    few = of_models(data, lambda model: model.id == "dino_b16")
    (own,) = norms_of(few)
    arrays = {"edges": np.linspace(0, 100, 201), "norms": own.maps.array("norms"), "histogram_patch": own.by_layer[:, ::-1]}
    arrays["histogram_patch"] = np.roll(arrays["histogram_patch"], -np.flatnonzero(arrays["histogram_patch"].any(0))[0], 1)

    class Maps(type(own.maps)):
        names = tuple(arrays)

        def array(self, name):
            return arrays[name]

    made = drawn(replace(few, maps={"norms": (Maps(own.maps.path, own.model, {}),)}), "norms_by_layer")
    low, high = made.figure.axes[0].get_ylim()
    assert 0 < low == 0.25 and high > low


def test_sizes_are_dinov2_s_smallest_first_on_the_same_axes(data):
    made = drawn(data, "norms_by_size")
    assert list(dict.fromkeys(made.data["model"])) == ["dinov2_s14", "dinov2_l14", "dinov2_g14"]
    assert len({(*axes.get_xlim(), *axes.get_ylim()) for axes in made.figure.axes}) == 1


def test_the_method_of_most_sizes_stands_in_for_dinov2(data):
    by_id = {model.id: model for model in data.models}
    small, deit = by_id["dinov2_s14"], by_id["deit3_b16"]
    large = replace(deit, id="deit3_l16", architecture="ViT-L/16")
    assert of_sizes([large, small, deit]) == [deit, large]
    assert of_sizes([deit, small]) == [small] and of_sizes([deit]) == [deit]
    assert of_sizes([by_id["dinov2reg_l14"]]) == [by_id["dinov2reg_l14"]]  # but beside others it counts for nothing
    assert of_sizes([by_id["dinov2reg_l14"], deit]) == [deit]
    one = drawn(of_models(data, lambda model: model.id == "deit3_b16"), "norms_by_size")
    assert "the run has one size\nof DeiT-III" in texts(one.figure.axes[0])


def test_registers_stand_beside_the_twin_without(data):
    made = drawn(data, "register_norms")
    assert list(dict.fromkeys(made.data["model"])) == ["dinov2_l14", "dinov2reg_l14"]
    own = made.data[made.data["model"] == "dinov2reg_l14"].drop_duplicates("setting").set_index("setting")["median"]
    kinds = norms_of_tokens(model_of(data, "dinov2reg_l14"))
    assert list(own.index) == list(kinds) and register(4) in kinds
    assert own.tolist() == pytest.approx([np.median(norms[-1]) for norms in kinds.values()])
    first, second = made.figure.axes
    assert len(first.patches) == 2 and len(second.patches) == len(kinds)
    heights = [patch.get_data() for patch in second.patches]
    assert all(0 <= one.baseline - one.values.min() <= 1 for one in heights)


def test_models_with_registers_need_no_twin(data):
    made = drawn(of_models(data, lambda model: model.id in ("dinov2reg_l14", "deit3_b16")), "register_norms")
    assert set(made.data["model"]) == {"dinov2reg_l14"} and len(made.figure.axes) == 1


def test_after_the_final_norm_there_is_nothing_to_be_seen(data):
    made = drawn(of_models(data, lambda model: model.id == "dinov2_l14"), "norms_before_after")
    before, after = made.figure.axes
    assert "above" in texts(before)[0] and texts(after) == ["no outliers"]
    counts = made.data.groupby("facet")["count"].sum()
    assert counts["token"] == counts["token_normed"]
    assert made.data.groupby("facet")["share_above"].first().tolist() == [pytest.approx(0.0147, abs=1e-3), 0]


def test_shares_are_lines_by_depth(data):
    made = drawn(data, "outlier_share_by_layer")
    own = made.data[(made.data["model"] == "dinov2_g14") & (made.data["setting"] == OF_LAST)]
    rows = data.table(model_of(data, "dinov2_g14")).select(SHARE, facet="token", setting=OF_LAST)
    assert own["value"].tolist() == rows["value"].tolist() and own["depth"].iloc[-1] == 1
    assert len(made.figure.axes[0].lines) == len(made.figure.axes[1].lines) == len(data.maps["norms"])
    none = drawn(of_models(data, lambda model: model.id == "mae_l16"), "outlier_share_by_layer")
    assert texts(none.figure.axes[0]) == ["none: no model of this run has high-norm tokens in any layer"]
    assert len(none.data) and not none.data["value"].any()


def test_twenty_models_keep_to_the_width(data):
    source = data.maps["norms"][3]
    run = [replace(source.model, id=f"m{turn}", display_name=f"A model with a name {turn}") for turn in range(20)]
    maps = tuple(replace(source, model=model) for model in run)
    tables = tuple(replace(data.table(source.model), model=model) for model in run)
    many = replace(data, models=tuple(run), tables=tables, maps={"norms": maps})
    for name, pictures in (("artifact_attention", 4), ("norm_maps", 3)):
        made = drawn(many, name)
        assert made.figure.get_figwidth() <= PAGE_WIDTH + 0.01
        shown = [axes for axes in made.figure.axes if axes.get_ylim()[0] == pictures]
        assert len(shown) == 20 + 3  # three blocks, each with its pictures
