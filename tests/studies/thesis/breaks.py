"""Changes to the made-up study, and of each claim those that break it, with what its verdict then says."""

import dataclasses

import numpy as np

from tests.studies.thesis.made_up_study import (
    DISTANCE,
    KEYPOINTS,
    KNN,
    METHODS,
    NORMAL,
    RETRIEVAL,
    TASKS,
    VIDEO,
    blob,
    iou,
    peak,
    purity,
    ratio,
    x_matrix,
)


def scaled(model, key, factor, layers=slice(None)):
    def change(study):
        study.curves[model, key] = study.curves[model, key].copy()
        study.curves[model, key][layers] *= factor

    return change


def given(model, key, values):
    return lambda study: study.curve(model, key, values)


def copied(model, key, source):
    return lambda study: study.curve(model, key, study.curves[source, key])


def head(model, **values):
    """Set a metric of every head of a model."""

    def change(study):
        for metric, value in values.items():
            for key in study.heads[model]:
                if key[0] == metric:
                    study.heads[model][key] = value

    return change


def kind(model, layer, number, value):
    return lambda study: study.heads[model].update({("head_kind", layer, number): value})


def maps(model, **arrays):
    return lambda study: study.maps.update({model: dataclasses.replace(study.maps[model], **arrays)})


def last(tokens, one, other, value):
    def change(study):
        names = (f"{one} B/16", f"{other} B/16")
        study.last[tokens][names if names in study.last[tokens] else names[::-1]] = value

    return change


def several(*changes):
    return lambda study: [change(study) for change in changes]


def all_maps_alike(study):
    """CLIP's heads differ: noise of their own, still off centre."""
    noise = np.random.default_rng(1).random((12, 2, 14, 14))
    maps("CLIP B/16", average_cls=noise)(study)


def centred_clip(study):
    """CLIP's heads repeat one another, but in a centred blob."""
    maps("CLIP B/16", average_cls=blob(12, 0))(study)


def still_maxima(model):
    def change(study):
        single = study.maps[model].single_cls.copy()
        single[:6, ..., 3, 5] = 2.0  # six of ten images
        maps(model, single_cls=single)(study)

    return change


def noise(model, level):
    return lambda study: study.noise.update({model: level})


def within(study, method):
    """Return the pairs of a method's variants in the CKA of spatial tokens."""
    return [key for key in study.last["spatial"] if key[0] != key[1] and {name.split()[0] for name in key} == {method}]


IOU_LATE = slice(6, None)
FLAT = np.full(12, 0.5)
BREAKS = {
    # claim: [(what, change, the reason names)]
    "c.sparse_patterns": [
        ("heads that differ", all_maps_alike, "correlation of heads of CLIP B/16 .* not above"),
        ("centred heads", centred_clip, "centred blob of .* not above centred blob of CLIP B/16"),
        ("no drop of FS", scaled("FS B/16", iou(), 1.6, IOU_LATE), "90 % of the best IoU of FS B/16 .* not above"),
        (
            "a drop of DINO",
            scaled("DINO B/16", iou(), 0.8, IOU_LATE),
            r"90 % of the best IoU of DINO B/16 \(0.450\) above late IoU of DINO",
        ),
    ],
    "c.sparse_vary": [
        (
            "attention that is spread, whose maxima wander too",
            maps("CLIP B/16", single_cls=np.random.default_rng(0).random((10, 12, 2, 14, 14))),
            "share of the brightest tenth in CLIP B/16 .* not above half",
        ),
        ("FS keeps its maxima", still_maxima("FS B/16"), r"images with one maximum in FS B/16 \(0.600\)"),
        ("CLIP keeps its maxima", still_maxima("CLIP B/16"), "images with one maximum in CLIP B/16"),
    ],
    "c.sparse_patch32": [
        (
            "FS B/32",
            scaled("FS B/32", iou(), 0.7),
            "late IoU of FS B/32 above noise .* not above late IoU of FS B/16 above noise",
        ),
        (
            "what noise has on the small grid, too",
            noise("FS S/32", 0.3),
            "late IoU of FS S/32 above noise .* not above late IoU",
        ),
        ("less than noise", noise("FS S/32", 0.5), "late IoU of FS S/32 .* not above cls IoU of noise on the grid of FS S/32"),
        ("CLIP B/32", scaled("CLIP B/32", iou(), 0.7), "late IoU of CLIP B/32"),
    ],
    "c.offset_heads": [
        ("MoCo-v3 without", head("MoCo-v3 B/16", head_kind="global"), r"offset local heads of MoCo-v3 B/16 \(0\)")
    ],
    "c.offset_diagonal": [
        (
            "offsets along one axis",
            lambda study: [
                study.heads[name].update({("peak_offset_y", 2, 1): 0.0}) for name in study.heads if name.split()[1][0] in "LH"
            ],
            r"diagonal offset heads of BEiT L/16 \(0\)",
        ),
        (
            "diagonal heads that are not local",
            lambda study: [head(name, head_kind="global")(study) for name in study.heads if name.split()[1][0] in "LH"],
            r"diagonal offset heads of BEiT L/16 \(0\)",
        ),
    ],
    "c.offset_depth": [
        ("a late head of CLIP", kind("CLIP B/16", 7, 1, "offset_local"), "CLIP B/16 down to layer 7 of 12"),
        ("early heads of BEiT", kind("BEiT B/16", 9, 1, "global"), "BEiT B/16 down to layer 2 of 12"),
    ],
    "c.distance_order": [
        ("no dip", given("DINO B/16", DISTANCE, FLAT), r"first layer of DINO B/16 \(0.500\) not above lowest"),
        (
            "a dip in the second layer alone",
            given("DINO B/16", DISTANCE, [0.5, 0.1] + [0.5] * 10),
            r"first layer of DINO B/16 \(0.500\) not above lowest",
        ),
        (
            "no rise",
            given("CLIP B/16", DISTANCE, [0.5, 0.4] + [0.3] * 10),
            r"CLIP B/16 in layers 10 to 12 of 12 \(0.300\) not above lowest",
        ),
        ("a rise of MAE", scaled("MAE B/16", DISTANCE, 2, slice(9, None)), "not above MAE B/16 in layers 10 to 12 of 12"),
    ],
    "c.distance_family": [
        (
            "a variant of DINO like MAE",
            lambda study: study.curve("DINO S/16", DISTANCE, study.curves["MAE B/16", DISTANCE] * 0.5),
            "gap to others from DINO .* not above 1.2 times the gap within DINO",
        ),
    ],
    "c.last_layer_global": [
        (
            "a local head of DINO",
            lambda study: study.heads["DINO B/16"].update({("attention_distance", 12, 2): 0.1}),
            "DINO B/16 has a mix",
        ),
        ("MAE all global", head("MAE B/16", attention_distance=0.5), "MAE B/16 has only global heads"),
        ("BEiT all local", head("BEiT B/16", attention_distance=0.1), "BEiT B/16 has only local heads"),
    ],
    "c.saliency_early": [
        ("a late rise", given("MAE B/16", iou(), np.linspace(0.1, 0.5, 12)), "MAE B/16 in layer 12 of 12"),
        ("a flat curve", given("MAE B/16", iou(), FLAT), "MAE B/16 in layer 1 of 12"),
        ("no more than noise", noise("MAE B/16", 0.6), r"best IoU of MAE B/16 \(0.504\) not above cls IoU of noise"),
        (
            "a plateau that only noise lifts to 95 %",
            given("MAE B/16", iou(), [0.2, 0.3, 0.4, 0.46, 0.46, 0.46] + [0.48] * 6),
            "MAE B/16 in layer 7 of 12",
        ),
    ],
    "c.saliency_early_20": [
        ("a late rise", given("MAE H/14", iou(), np.linspace(0.1, 0.5, 32)), r"MAE H/14 in layer \d+ of 32"),
    ],
    "c.saliency_drop": [
        ("no drop", scaled("CLIP B/16", iou(), 1.6, IOU_LATE), "90 % of the best IoU of CLIP B/16"),
        (
            "a peak past the middle",
            given("FS B/16", iou(), [0.2] * 6 + [0.5] + [0.2] * 5),
            r"best IoU of FS B/16 \(0.500\) in layer 7 of 12",
        ),
        (
            "a self-supervised model as low",
            scaled("MAE B/16", iou(), 0.5),
            "late IoU of MAE B/16 .* not above late IoU of (FS|CLIP) B/16",
        ),
    ],
    "c.saliency_peers": [
        ("no more than noise", noise("MAE B/16", 0.6), "best CLS IoU of MAE B/16 .* not above cls IoU of noise"),
        (
            "BEiT far from DINO",
            scaled("BEiT B/16", iou(), 0.7),
            "best CLS IoU of BEiT B/16 .* not above 90 % of the best CLS IoU of DINO",
        ),
        ("spatial far from CLS", scaled("MAE B/16", iou("spatial"), 0.7), "best spatial IoU of MAE B/16 .* not above"),
        (
            "CLIP's spatial below its CLS",
            scaled("CLIP B/16", iou(), 2, slice(11, None)),
            "last spatial IoU of CLIP .* not above last CLS IoU of CLIP",
        ),
        (
            "no gain of CLIP's last layer",
            given("CLIP B/16", iou("spatial"), [0.2, 0.3, 0.4, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3, 0.43, 0.45]),
            "not above 1.1 times the spatial IoU of CLIP in the layer before",
        ),
    ],
    "c.recon_cls": [
        (
            "purity at chance",
            given("BEiT B/16", purity("cls"), np.full(12, 0.009)),
            "median layer of BEiT B/16 .* not above best layer of noise, purity_cls",
        ),
        (
            "k-NN at chance",
            given("MAE B/16", KNN, np.full(12, 0.009)),
            "median layer of MAE B/16 .* not above best layer of noise, knn",
        ),
        ("MAE unlike DINO", last("cls", "MAE", "DINO", 0.44), r"MAE B/16 with DINO B/16 \(0.440\) not above"),
        ("MAE unlike MoCo-v3", last("cls", "MAE", "MoCo-v3", 0.44), r"MAE B/16 with MoCo-v3 B/16 \(0.440\) not above"),
    ],
    "c.cka_cls": [
        ("another pair on top", last("cls", "MAE", "BEiT", 0.95), "not above CKA of MAE B/16 with BEiT B/16"),
        ("FS and CLIP apart", last("cls", "FS", "CLIP", 0.3), "FS B/16 with CLIP B/16 .* not above median of pairs between"),
        ("MAE and BEiT apart", last("cls", "MAE", "BEiT", 0.3), "MAE B/16 with BEiT B/16 .* not above median of pairs between"),
    ],
    "c.cka_spatial": [
        ("FS like CLIP", last("spatial", "FS", "CLIP", 0.7), "mean of all pairs .* not above CKA of FS B/16 with CLIP"),
        ("BEiT like DINO", last("spatial", "DINO", "BEiT", 0.75), "not above CKA of DINO B/16 with BEiT B/16"),
        ("MAE unlike DINO", last("spatial", "DINO", "MAE", 0.25), "DINO B/16 with MAE B/16 .* not above"),
    ],
    "c.features_supervised": [
        ("DINO above FS in images", scaled("DINO B/16", purity("cls"), 1.3), "not above best image purity of DINO B/16"),
        ("MAE above MoCo-v3 in images", scaled("MAE B/16", purity("cls"), 1.3), "not above best image purity of MAE B/16"),
        ("DINO above FS in objects", scaled("DINO B/16", purity("object"), 1.4), "not above best object purity of DINO B/16"),
        ("MAE above DINO in objects", scaled("MAE B/16", purity("object"), 1.3), "not above best object purity of MAE B/16"),
        ("DINO above FS in parts", scaled("DINO B/16", purity("part"), 1.2), "not above best part purity of DINO B/16"),
        ("CLIP above DINO in parts", scaled("CLIP B/16", purity("part"), 1.25), "not above best part purity of CLIP B/16"),
    ],
    "c.part_peak": [
        ("a last layer", given("FS B/16", purity("part"), peak(12, 0.6)), r"FS B/16 peaks in layer 12 of 12 \(part\)"),
        ("an early layer", given("MAE B/16", purity("object"), peak(8, 0.4)), r"MAE B/16 peaks in layer 8 of 12 \(object\)"),
        ("BEiT with the others", given("BEiT B/16", purity("part"), peak(9, 0.3)), "BEiT B/16 peaks in layer 9 of 12"),
    ],
    "c.fs_spatial_early": [
        (
            "CLS as early",
            lambda study: study.curve("FS B/16", purity("cls"), study.curves["FS B/16", purity("mean_patch")]),
            "first layer of CLS .* not above layer of pooled",
        ),
        (
            "spatial tokens that pass half of the best, but start at chance",
            several(
                given("Random none/16", purity("mean_patch"), np.full(12, 0.4)),
                given("FS B/16", purity("mean_patch"), [0.5] * 7 + [0.9] * 5),
            ),
            r"first layer of CLS half way to the best purity \(7\) not above layer of pooled .* \(8\)",
        ),
    ],
    "c.cka_families": [
        (
            "DINO variants unlike",
            lambda study: study.last["spatial"].update(dict.fromkeys(within(study, "DINO"), 0.1)),
            r"median within DINO \(0.100\) not above median between methods \(0.200\)",
        ),
        (
            "one pair of DINO variants far apart",
            lambda study: study.last["spatial"].update({("DINO B/16", "DINO S/8"): 0.1}),
            r"range within CLIP \(0.600\) not above range within DINO \(0.700\)",
        ),
        (
            "FS variants all alike",
            lambda study: study.last["spatial"].update(dict.fromkeys(within(study, "FS"), 0.8)),
            r"range within FS \(0.000\) not above range within",
        ),
    ],
    "c.x_pattern": [
        (
            "no ridge of MAE",
            lambda s: s.depth.update({"MAE B/16": x_matrix(24, 0.01)}),
            "anti-diagonal of MAE B/16 .* no ridge",
        ),
        ("a ridge of DINO", lambda s: s.depth.update({"DINO B/16": x_matrix(24, 0.05)}), "anti-diagonal of DINO B/16"),
    ],
    "c.mae_decoder": [
        (
            "H weaker than B",
            lambda s: s.depth.update({"MAE H/14": x_matrix(64, 0.05)}),
            "anti-diagonal of MAE H/14 .* not above",
        ),
        (
            "L weaker than B",
            lambda s: s.depth.update({"MAE L/16": x_matrix(48, 0.05)}),
            "anti-diagonal of MAE L/16 .* not above",
        ),
    ],
    "c.residual": [
        (
            "a small change",
            given("FS B/16", ratio("mlp"), [2.0] * 7 + [2.9] * 5),
            r"largest late change in FS B/16 \(1.450\) not above the limit",
        ),
        (
            "an early change",
            given("FS B/16", ratio("mlp"), [2.0] * 5 + [4.0] * 7),
            r"largest late change in FS B/16 \(1.000\) not above",
        ),
        (
            "as large a change early",
            given("CLIP B/16", ratio("attention"), [2.0, 1.0] + [2.0] * 10),
            r"largest late change in CLIP B/16 \(2.000\) not above largest early change in CLIP B/16, 2.0 times as strong",
        ),
    ],
    "c.beit_l_parts": [
        ("a little better", scaled("BEiT L/16", purity("part"), 0.55), "not above 1.1 times the best part purity of BEiT B/16"),
    ],
    "c.local_best_layer": [
        (
            "video at the end",
            several(*(given(f"{m} B/16", VIDEO, peak(12, 0.6)) for m in ("FS", "DINO", "MAE"))),
            "3 of 6 for video",
        ),
        (
            "keypoints at the end",
            several(*(given(f"{m} B/16", KEYPOINTS, peak(12, 0.3)) for m in ("FS", "DINO", "MAE"))),
            "3 of 6 for keypoints",
        ),
    ],
    "c.no_single_best": [
        (
            "one winner",
            several(*(given("MAE B/16", key, peak(9, 0.99)) for key in (KNN, RETRIEVAL, VIDEO, KEYPOINTS))),
            "the winners are k-NN of MAE B/16",
        ),
        (
            "one layer",
            several(*(given(f"{m} B/16", key, peak(9, 0.5)) for m in METHODS for key in (KNN, RETRIEVAL, VIDEO, KEYPOINTS))),
            "relative depths of best layers: 1",
        ),
    ],
    "c.no_single_best_20": [
        (
            "one winner",
            several(*(given("DINO S/8", key, peak(9, 9.0)) for key in (KNN, RETRIEVAL, VIDEO, KEYPOINTS))),
            "the winners are k-NN of DINO S/8",
        ),
    ],
    "c.size_helps": [
        (
            "small models far better",
            lambda study: [
                scaled(name, key, 3)(study)
                for name, key in study.curves
                if name.split()[1][0] == "S"
                and key in (KNN, RETRIEVAL, VIDEO, KEYPOINTS, *map(purity, ("cls", "object", "part")))
            ],
            "FS in 6 of 28; DINO in 0 of 14; MoCo-v3 in 0 of 7; MAE in 7 of 7; BEiT in 7 of 7",  # FS L is below B in video
        ),
    ],
    "c.small_patch_helps": [
        ("video", scaled("FS B/8", VIDEO, 0.5), "video of FS B/8 .* not above video of FS B/16"),
        ("keypoints", scaled("DINO S/8", KEYPOINTS, 0.5), "keypoints of DINO S/8"),
    ],
    "c.recon_variance": [
        (
            "BEiT as good everywhere as FS",
            several(*(copied("BEiT B/16", key, "FS B/16") for key in TASKS)),
            "spread of BEiT B/16 over tasks .* not above spread of MoCo-v3 B/16",
        ),
        ("FS varies more", scaled("FS B/16", RETRIEVAL, 0.1), "not above spread of FS B/16 over tasks"),
        (
            "a task in which nobody is above chance",
            given("Random none/16", KEYPOINTS, np.full(12, 0.5)),
            "median layer of CLIP B/16 .* not above best layer of noise, keypoints",
        ),
    ],
    "c.dense_helps": [
        ("a loss", scaled("MAE B/16", NORMAL, 2), "dense score of MAE B/16 .* not above normal score of MAE B/16"),
        (
            "patch 32 gains least",
            several(*(scaled(f"{m}/32", NORMAL, 1.7) for m in ("FS S", "FS B", "CLIP B"))),
            "mean gain at patch 32 .* not above mean gain at other patches",
        ),
    ],
}
