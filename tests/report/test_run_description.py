"""What the report says of a run's models."""

from workflow_scripts.describe_run import preprocessing

MADE = {"views": {"area20": {"preprocessing": "area20, mean [0.5, 0.5, 0.5], std [0.5, 0.5, 0.5]"}}}


def test_the_view_of_most_passes_stands_for_all():
    end = ", mean [0.5, 0.5, 0.5], std [0.5, 0.5, 0.5]"
    assert preprocessing(MADE, ["area20"]) == f"area20{end}"
    assert preprocessing(MADE, ["area20", "resize64-crop60", "resize64-crop60"]) == f"resize64-crop60 and 1 other view{end}"
    assert preprocessing(MADE, ["a", "b", "b", "c"]) == f"b and 2 other views{end}"
