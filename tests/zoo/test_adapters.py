"""Every adapter against its library's own forward, and block outputs rebuilt in float64 from what a layer hands out."""

from __future__ import annotations

import weakref

import pytest
import torch
from torch import Tensor, nn

from tests.zoo.zoo_families import (
    BY_NAME,
    FAMILIES,
    Family,
    images,
    library_blocks,
    library_outputs,
    randomised,
    relative_bias,
    rotate,
    rotation,
)
from workflow_scripts.zoo.load import adapt, check_facts
from workflow_scripts.zoo.vit import Layer, Vit


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.fixture(scope="module")
def built(request: pytest.FixtureRequest) -> tuple[Family, nn.Module]:
    family: Family = request.param
    return family, randomised(family)


with_model = pytest.mark.parametrize("built", FAMILIES, ids=lambda family: family.name, indirect=True)


@with_model
def test_layers_equal_the_librarys_own_forward(built: tuple[Family, nn.Module], record_property) -> None:
    family, model = built
    entry = family.entry()
    vit = adapt(model, entry)
    check_facts(vit, entry)
    batch = images(entry, n=2)
    outputs, normed = library_outputs(model, family.adapter, batch)
    assert len(outputs) == vit.n_layers == 12
    worst = {False: 0.0, True: 0.0}
    for attention in worst:
        count = 0
        for layer in vit.layers(batch, attention=attention):
            expected = outputs[layer.index - 1]
            assert layer.token.shape == (2, vit.n_prefix + vit.grid[0] * vit.grid[1], vit.dim)
            assert (layer.attention is not None) == attention
            worst[attention] = max(worst[attention], relative(layer.token, expected))
            assert (layer.token_normed is not None) == (layer.index == vit.n_layers)
            count += 1
        assert count == vit.n_layers
        worst[attention] = max(worst[attention], relative(layer.token_normed, normed))
    print(f"\n{family.name}: fused {worst[False]:.1e}, explicit {worst[True]:.1e}")
    # nn.MultiheadAttention's inference kernel of open_clip and torchvision is another one than scaled_dot_product.
    exact = family.adapter.startswith("timm")
    assert worst[False] == 0.0 if exact else worst[False] < 2e-6
    assert worst[True] < 1e-5


@with_model
def test_the_patch_embedding_is_a_linear_map_of_each_patch(built: tuple[Family, nn.Module]) -> None:
    family, model = built
    entry = family.entry()
    vit = adapt(model, entry)
    batch = images(entry, n=2)
    convolution = next(part for part in model.modules() if isinstance(part, nn.Conv2d))
    cells = nn.functional.unfold(batch, vit.patch, stride=vit.patch).transpose(1, 2)  # [B, N, 3 P Q], row by row
    bias = 0 if convolution.bias is None else convolution.bias
    expected = cells @ convolution.weight.flatten(1).T + bias
    for layer in vit.layers(batch):
        found = layer.patch_embed()
    assert found.shape == (2, vit.grid[0] * vit.grid[1], vit.dim)
    assert relative(found, expected) < 1e-5


def rebuilt(layer: Layer, block: nn.Module, family: Family, vit: Vit, model: nn.Module, control: bool) -> Tensor:
    """Recompute a block's output from the q, k, v of its record and the definition of the family's attention."""
    query, key = layer.query, layer.key
    bias: Tensor | float = 0.0
    if family.adapter == "timm_eva":
        cos, sin = rotation(vit.grid, query.shape[-1], leave_out=control)
        query, key = (rotate(facet, vit.n_prefix, cos, sin) for facet in (query, key))
    if family.adapter == "timm_beit" and not control:
        holder = model.rel_pos_bias if model.rel_pos_bias is not None else block.attn
        bias = relative_bias(holder.relative_position_bias_table, vit.grid)
    logits = torch.einsum("bhqd,bhkd->bhqk", query, key) / query.shape[-1] ** 0.5 + bias
    attention = torch.exp(logits - logits.amax(-1, keepdim=True))
    attention = attention / attention.sum(-1, keepdim=True)
    if not control:
        assert relative(layer.attention, attention) < 1e-12
    mixed = torch.einsum("bhqk,bhkd->bqhd", attention, layer.value).flatten(2)
    names = ("attn.proj", "norm2") if family.adapter.startswith("timm") else ("attn.out_proj", "ln_2")
    if family.adapter == "torchvision_vit":
        names = ("self_attention.out_proj", "ln_2")
    project, norm2 = (block.get_submodule(name) for name in names)
    scales = [next((p for n, p in block.named_parameters() if n in (f"gamma_{i}", f"ls{i}.gamma")), 1.0) for i in (1, 2)]
    mid = layer.input + scales[0] * (mixed @ project.weight.T + project.bias)
    return mid + scales[1] * block.mlp(norm2(mid))


@with_model
def test_block_output_is_rebuilt_from_its_own_record_in_float64(built: tuple[Family, nn.Module]) -> None:
    family, single = built
    entry = family.entry()
    model = randomised(family).double()
    vit = adapt(model, entry)
    batch = images(entry).double()
    outputs, _ = library_outputs(model, family.adapter, batch)
    blocks = library_blocks(model, family.adapter)
    worst, worst_control = 0.0, 0.0
    with torch.inference_mode():
        for layer in vit.layers(batch, attention=True):
            expected = outputs[layer.index - 1]
            assert relative(layer.attention.sum(-1), torch.ones(())) < 1e-12
            block = blocks[layer.index - 1]
            worst = max(worst, relative(rebuilt(layer, block, family, vit, model, control=False), expected))
            if family.adapter in ("timm_eva", "timm_beit") and layer.index == 1:
                worst_control = relative(rebuilt(layer, block, family, vit, model, control=True), expected)
            if family.adapter == "timm_eva":
                cos, sin = rotation(vit.grid, layer.key.shape[-1])
                assert relative(layer.key_rope, rotate(layer.key, vit.n_prefix, cos, sin)) < 1e-12
                assert torch.equal(layer.key_rope[:, :, : vit.n_prefix], layer.key[:, :, : vit.n_prefix])
            else:
                assert layer.query_rope is None and layer.key_rope is None
            check_residual_stream(layer)
    print(f"\n{family.name}: rebuilt {worst:.1e}, without RoPE or bias {worst_control:.1e}")
    assert worst < 1e-12
    if family.adapter in ("timm_eva", "timm_beit"):
        assert worst_control > 1e-3
    del single


def check_residual_stream(layer: Layer) -> None:
    assert torch.equal(layer.mid, layer.input + layer.attn_branch)
    assert torch.equal(layer.token, layer.mid + layer.mlp_branch)


def test_only_the_asked_layers_have_attention_and_one_is_alive_at_a_time() -> None:
    family = BY_NAME["dino_s16"]
    model = randomised(family)
    vit = adapt(model, family.entry())
    seen: list[weakref.ref[Tensor]] = []
    alive_at_start_of_block: list[int] = []
    for block in model.blocks:
        block.norm1.register_forward_hook(
            lambda *_: alive_at_start_of_block.append(sum(reference() is not None for reference in seen))
        )
    with_attention = []
    for layer in vit.layers(images(family.entry()), attention={2, 3, 12}):
        if layer.attention is not None:
            with_attention.append(layer.index)
            seen.append(weakref.ref(layer.attention))
        del layer
    assert with_attention == [2, 3, 12]
    assert alive_at_start_of_block == [0] * 12


def test_inference_mode_does_not_leak_into_the_caller() -> None:
    family = BY_NAME["dino_s16"]
    vit = adapt(randomised(family), family.entry())
    for layer in vit.layers(images(family.entry())):
        assert not torch.is_inference_mode_enabled()
        assert layer.token.is_inference()


def test_layers_of_a_batch_do_not_depend_on_the_batch() -> None:
    family = BY_NAME["beit_b16_shared"]
    vit = adapt(randomised(family), family.entry())
    batch = images(family.entry(), n=3)
    together = [layer.token for layer in vit.layers(batch)][-1]
    alone = [layer.token for layer in vit.layers(batch[1:2])][-1]
    assert relative(together[1:2], alone) < 1e-5


def test_rope_stays_precise_in_low_precision() -> None:
    family = BY_NAME["dinov3_s16"]
    model = randomised(family)
    exact = next(iter(adapt(model, family.entry()).layers(images(family.entry()))))
    low = next(iter(adapt(model.to(torch.bfloat16), family.entry()).layers(images(family.entry()))))
    assert low.query_rope.dtype == torch.bfloat16
    # Two roundings to 8 bits of mantissa; angles in bfloat16 would be off by whole turns.
    assert relative(low.query_rope.float(), exact.query_rope) < 0.03
