"""Reading ahead changes no number, holds two batches and no more, and hands over errors whole."""

import gc
import threading
import traceback
import weakref
from contextlib import closing
from functools import partial

import numpy as np
import pytest
import torch

from tests.onepass.fake import FakeSource, FakeVit
from tests.onepass.test_engine import every_collector, features
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.reading import read_ahead


def bytes_of(collectors):
    arrays = [(key, value) for made in collectors for key, value in made.state().items()]
    return [(key, (value if isinstance(value, np.ndarray) else value.array()).tobytes()) for key, value in arrays]


@pytest.mark.parametrize("largest", [None, 3])
def test_the_same_bytes_also_where_batches_are_halved(largest):
    found = []
    for ahead in (False, True):
        vit, collectors, done = FakeVit(), every_collector(), []
        vit.largest_batch = largest
        run_pass(vit, "fake", FakeSource(11), collectors, 4, done.append, ahead=ahead)
        found.append((bytes_of(collectors), vit.batches, done))
    assert found[0] == found[1]
    assert found[0][2][-1] == 11


class Counted:
    """A batch that says when it is gone."""


@pytest.mark.parametrize("ahead", [True, False])
def test_two_batches_and_no_more(ahead):
    alive, most, order = weakref.WeakSet(), [], []

    def read(number):
        made = Counted()
        alive.add(made)
        most.append(len(alive))
        order.append((number, threading.current_thread().name.startswith("reading")))
        return made

    numbers = iter(range(6))
    for batch in read_ahead([partial(read, number) for number in range(6)], ahead):  # enumerate would hold on to the batch
        number = next(numbers)
        while ahead and len(order) < min(number + 2, 6):  # the next one comes while this one is worked with
            pass
        assert len(order) == (min(number + 2, 6) if ahead else number + 1)
        del batch
        gc.collect()
    assert order == [(number, ahead) for number in range(6)]
    assert max(most) == (2 if ahead else 1)


def test_an_error_comes_when_its_batch_would_and_says_where_it_was_made():
    class Broken(FakeSource):
        def read(self, start, stop):
            if start == 8:
                raise AtlasError("crops.npy: cut short; delete it")
            return super().read(start, stop)

    done = []
    with pytest.raises(AtlasError, match=r"crops\.npy: cut short; delete it") as caught:
        run_pass(FakeVit(), "fake", Broken(11), [features()], 4, done.append, ahead=True)
    assert done == [4, 8]
    assert "in read" in "".join(traceback.format_tb(caught.value.__traceback__))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reading")]


def test_memory_that_is_short_while_reading_ahead_halves_the_batch():
    class Large(FakeSource):
        def read(self, start, stop):
            if start >= 4 and stop - start > 2:
                raise torch.OutOfMemoryError("simulated")
            return super().read(start, stop)

    vit, collectors = FakeVit(), [features()]
    run_pass(vit, "fake", Large(11), collectors, 4, ahead=True)
    assert vit.batches == [4, 2, 2, 2, 1]
    assert collectors[0].n_images == 11


def test_closing_stops_what_is_being_read():
    reads = []
    with closing(read_ahead((partial(reads.append, number) for number in range(9)), True)) as batches:
        next(batches)
    assert len(reads) <= 2
    assert list(read_ahead([], True)) == []
