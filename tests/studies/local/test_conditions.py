"""What a setting says is what was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.studies.local.conditions import NN, WORDS, condition, setting

VALUES = st.integers(1, 999).map(str) | st.sampled_from(["blur10", "traffic sign", "same patch", "yes", "0"])


@given(st.sampled_from([NN, "1-NN, cosine", "linear, 3 x rate"]), st.dictionaries(st.sampled_from(list(WORDS)), VALUES))
def test_a_setting_is_read_as_it_was_written(rule, words):
    assert condition(setting(rule, **words)) == (rule, words)


def test_words_have_one_order_and_what_is_usual_is_left_out():
    assert setting(NN, without=200, altered="blur10", view="") == "1-NN; without 200; altered blur10"
    assert setting(NN, altered="blur10", without=200) == setting(NN, without=200, altered="blur10")
    assert setting(NN, without=0) == NN
    with pytest.raises(AssertionError):
        setting(NN, layer=3)
