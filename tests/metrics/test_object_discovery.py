"""LOST against a plain loop over its definition, on Gram matrices made by hand and at random."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.metrics.object_discovery import component_box, discovered_boxes, expansions


def plain(gram, grid, bias=0, k=100):
    """Return seed, mask, component and box, word for word."""
    n = len(gram)
    a = [[gram[p][q] + bias for q in range(n)] for p in range(n)]
    degree = [sum(a[p][q] > 0 for q in range(n) if q != p) for p in range(n)]
    order = sorted(range(n), key=lambda p: (degree[p], p))
    seed = order[0]
    similar = [p for p in order[:k] if p == seed or a[seed][p] > 0]
    mask = [sum(a[p][q] for p in similar) > 0 for q in range(n)]
    component, front = {seed}, [seed] if mask[seed] else []
    while front:
        y, x = divmod(front.pop(), grid[1])
        for row, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            at = row * grid[1] + column
            if 0 <= row < grid[0] and 0 <= column < grid[1] and mask[at] and at not in component:
                component.add(at)
                front.append(at)
    rows, columns = zip(*(divmod(at, grid[1]) for at in component), strict=True)
    return seed, mask, [min(columns), min(rows), max(columns) + 1, max(rows) + 1]


def lost(gram, grid, bias=0.0, k=100):
    seeds, masks = expansions(torch.tensor(gram, dtype=torch.float32), torch.tensor([float(bias)]), k)
    seed, mask = int(seeds[0]), masks[0].numpy()
    return seed, mask.tolist(), list(component_box(mask.reshape(grid), divmod(seed, grid[1])))


@st.composite
def grams(draw):
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    features = np.random.default_rng(draw(st.integers(0, 999))).integers(-2, 3, (rows * columns, draw(st.integers(1, 4))))
    return features @ features.T, (rows, columns)


@settings(deadline=None, max_examples=200)
@given(grams(), st.integers(-6, 6), st.sampled_from([1, 2, 3, 100]))
def test_it_is_the_definition_word_for_word(made, bias, k):
    gram, grid = made
    assert lost(gram, grid, bias, k) == plain(gram.tolist(), grid, bias, k)


@settings(deadline=None, max_examples=50)
@given(grams(), st.lists(st.integers(-6, 6), min_size=2, max_size=5))
def test_biases_together_are_biases_one_by_one(made, biases):
    gram, _ = made
    gram = torch.tensor(gram, dtype=torch.float32)
    together = expansions(gram, torch.tensor(biases, dtype=torch.float32))
    for place, bias in enumerate(biases):
        alone = expansions(gram, torch.tensor([float(bias)]))
        assert all(torch.equal(a[place], b[0]) for a, b in zip(together, alone, strict=True))


def scene(grid, objects, *, other=-1.0):
    """Return features of patches that point one way in an object (rows, columns of slices) and another way around it."""
    features = np.zeros((*grid, 2))
    features[..., 0] = other
    features[..., 1] = 0.5
    for rows, columns in objects:
        features[rows, columns] = (2, -0.5)
    return torch.tensor(features.reshape(-1, 2), dtype=torch.float32)


def test_one_object_is_found_as_it_is():
    features = scene((6, 8), [(slice(1, 4), slice(2, 7))])
    assert discovered_boxes(features, (6, 8)).tolist() == [[2, 1, 7, 4]]


def test_an_object_at_the_border_and_one_that_touches_at_a_corner_alone():
    features = scene((6, 8), [(slice(3, 6), slice(5, 8)), (slice(1, 3), slice(3, 5))])
    # Equal degrees: the seed is in the upper object, and a corner does not connect.
    assert discovered_boxes(features, (6, 8)).tolist() == [[3, 1, 5, 3]]
    assert discovered_boxes(scene((6, 8), [(slice(3, 6), slice(5, 8))]), (6, 8)).tolist() == [[5, 3, 8, 6]]


def test_all_other_patches_negative_leave_the_first_alone():
    gram = np.full((6, 6), -1.0) + 6 * np.eye(6)
    assert lost(gram, (2, 3)) == (0, [True, *[False] * 5], [0, 0, 1, 1])
    # Itself no more than the others: not even the seed is in the mask.
    assert lost(-np.ones((6, 6)), (2, 3)) == (0, [False] * 6, [0, 0, 1, 1])


def test_of_equal_degrees_the_lowest_index():
    assert lost(np.ones((12, 12)), (3, 4)) == (0, [True] * 12, [0, 0, 4, 3])
    gram = np.ones((4, 4))
    gram[2, 3] = gram[3, 2] = -1
    assert lost(gram, (2, 2))[0] == 2


def test_the_diagonal_is_no_neighbour():
    gram = np.array([[-5.0, 1, 1], [1, 5, -1], [1, -1, 5]])
    assert lost(gram, (1, 3))[0] == 1  # two patches have one neighbour each, the first one two


def test_only_candidates_are_similar():
    gram = np.ones((4, 4))
    gram[0, 3] = gram[3, 0] = -1  # 0 and 3 have degree 2, 1 and 2 have 3
    gram[1, 3] = gram[3, 1] = 0.5
    assert lost(gram, (1, 4), k=1) == (0, [True, True, True, False], [0, 0, 3, 1])
    assert lost(gram, (1, 4), k=3)[1] == [True, True, True, False]  # 0, 3 and 1: -1 + 0.5 at the last
    assert lost(gram, (1, 4), k=4)[1] == [True, True, True, True]  # and 2: + 1


def test_a_bias_is_a_share_of_the_mean_size():
    features = torch.tensor(np.random.default_rng(3).normal(size=(30, 4)), dtype=torch.float32)
    gram = (features @ features.T).double().numpy()
    shares = [-0.2, -0.1, 0.0, 0.1, 0.2]
    boxes = discovered_boxes(features, (5, 6), shares)
    expected = [plain(gram.tolist(), (5, 6), share * np.abs(gram).mean())[2] for share in shares]
    assert boxes.tolist() == expected
    assert len({tuple(box) for box in expected}) > 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_low_precision_features_are_multiplied_in_single(dtype):
    features = scene((3, 4), [(slice(1, 2), slice(1, 3))]).to(dtype) * 300
    assert discovered_boxes(features, (3, 4)).tolist() == [[1, 1, 3, 2]]
