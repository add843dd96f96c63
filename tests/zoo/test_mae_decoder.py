"""MAE's decoder in the shipped demo network against one written from its definition, and what is refused."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.demo import models as demo_models
from workflow_scripts.demo.objectives.mae import Decoder
from workflow_scripts.zoo.load import load_vit, open_model
from workflow_scripts.zoo.mae_decoder import load_decoder
from workflow_scripts.zoo.registry import network_facts, network_from_dict, read_models

ROOT = Path(__file__).parents[2]
FILE = ROOT / "config/demo_zoo/demo_mae.pth"
ENTRY = read_models(ROOT / "config/models.yaml")["demo_mae"]
N = 144


@pytest.fixture(scope="module")
def vit():
    return load_vit(ENTRY, FILE)


@pytest.fixture(scope="module")
def decoder():
    return load_decoder(open_model(ENTRY, FILE))


@pytest.fixture(scope="module")
def state():
    content = torch.load(FILE, weights_only=True)["model"]
    return {name: value.float() for name, value in content.items()}  # it is shipped in half precision


def seen(count, seed=0):
    """Images, and which of their patches are seen, in no order."""
    rng = torch.Generator().manual_seed(seed)
    order = torch.rand(3, N, generator=rng).argsort(1)
    return torch.randn(3, 3, 60, 60, generator=rng), order[:, :count]


def norm(x, state, name):
    mean, var = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / (var + 1e-6).sqrt() * state[f"{name}.weight"] + state[f"{name}.bias"]


def linear(x, state, name):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def by_hand(tokens, kept, state, heads):
    """The decoder of He et al., one image, token by token where it matters."""
    x = linear(tokens, state, "decoder_embed")
    places = [x[0], *(state["mask_token"][0, 0] for _ in range(N))]
    for token, place in zip(x[1:], kept.tolist(), strict=True):
        places[1 + place] = token
    x = torch.stack(places) + state["decoder_pos_embed"][0]
    for block in range(2):
        scope = f"decoder_blocks.{block}"
        query, key, value = linear(norm(x, state, f"{scope}.norm1"), state, f"{scope}.attn.qkv").chunk(3, -1)
        mixed = []
        for q, k, v in zip(query.chunk(heads, -1), key.chunk(heads, -1), value.chunk(heads, -1), strict=True):
            mixed.append((q @ k.T / math.sqrt(q.shape[-1])).softmax(-1) @ v)
        x = x + linear(torch.cat(mixed, -1), state, f"{scope}.attn.proj")
        hidden = F.gelu(linear(norm(x, state, f"{scope}.norm2"), state, f"{scope}.mlp.fc1"))
        x = x + linear(hidden, state, f"{scope}.mlp.fc2")
    return linear(norm(x, state, "decoder_norm"), state, "decoder_pred")[1:]


@pytest.mark.parametrize("count", [36, N])
def test_it_is_the_decoder_of_the_definition(vit, decoder, state, count):
    images, kept = seen(count)
    with torch.inference_mode():
        tokens = vit.encoded(images, kept)
        found = decoder(tokens, kept)
        expected = torch.stack(
            [by_hand(*one, state, ENTRY.checkpoint.decoder["heads"]) for one in zip(tokens, kept, strict=True)]
        )
    assert found.shape == (3, N, 75)
    assert torch.allclose(found, expected, atol=1e-4)


def test_encoder_and_decoder_are_those_of_the_training(vit, decoder, state):
    """The demo trains its own by other code; whose heads the registry states."""
    assert ENTRY.checkpoint.decoder == {"heads": demo_models.HEADS}
    plain, light = demo_models.plain_vit().eval(), Decoder().eval()
    plain.load_state_dict({name: state[name] for name in plain.state_dict()})
    light.load_state_dict({name: state[name] for name in light.state_dict()})
    images, kept = seen(36)
    hidden = torch.stack([torch.tensor(sorted(set(range(N)) - set(own.tolist()))) for own in kept])
    with torch.inference_mode():
        expected = light(demo_models.encode(plain, images, kept), torch.cat([kept, hidden], 1))
        assert torch.allclose(decoder(vit.encoded(images, kept), kept), expected, atol=1e-4)


def test_with_all_patches_it_is_the_plain_forward(vit):
    images, _ = seen(0)
    every = torch.arange(N).repeat(3, 1)
    *_, last = vit.layers(images)
    assert torch.allclose(vit.encoded(images, every), last.token_normed, atol=1e-5)


def test_masked_patches_never_enter(vit, decoder):
    images, kept = seen(36)
    other = torch.randn_like(images)
    mask = torch.zeros(3, N).scatter(1, kept, 1.0).reshape(3, 1, 12, 12)
    mask = mask.repeat_interleave(5, 2).repeat_interleave(5, 3)
    mixed = images * mask + other * (1 - mask)
    assert torch.equal(vit.encoded(images, kept), vit.encoded(mixed, kept))
    assert not torch.equal(vit.encoded(images, kept), vit.encoded(other, kept))


def test_the_order_of_what_is_seen_says_nothing(vit, decoder):
    images, kept = seen(36)
    with torch.inference_mode():
        one, other = (decoder(vit.encoded(images, places), places) for places in (kept, kept.sort(1).values))
    assert torch.allclose(one, other, atol=1e-4)


def changed(tmp_path, change, **declared):
    """The shipped file after a change of its tensors, under its entry or one that declares another decoder."""
    content = torch.load(FILE, weights_only=True)
    change(content["model"])
    torch.save(content, tmp_path / "mae.pth")
    checkpoint = dataclasses.replace(ENTRY.checkpoint, **declared)
    return open_model(dataclasses.replace(ENTRY, checkpoint=checkpoint), tmp_path / "mae.pth")


def without(*starts):
    def change(state):
        for name in [name for name in state if name.startswith(starts)]:
            del state[name]

    return change


REFUSED = {
    "no decoder": (without("decoder_", "mask_token"), {}, "no decoder in it, which the entry declares; take the file"),
    "part missing": (without("decoder_pred.bias"), {}, r"not a decoder of MAE with 4 heads \(.*[Mm]issing.*decoder_pred.bias"),
    "block missing": (without("decoder_blocks.0"), {}, "its decoder lacks 'decoder_blocks.0.mlp.fc1.weight'"),
    "no mask token": (without("mask_token"), {}, r"not a decoder .*mask_token"),
    "left over": (lambda state: state.update(decoder_gate=torch.ones(2)), {}, r"not a decoder .*[Uu]nexpected.*decoder_gate"),
    "far block": (lambda state: state.update({"decoder_blocks.999999999.a": torch.ones(2)}), {}, "not a decoder of MAE"),
    "repeated": (lambda state: state.update(mask_token=torch.zeros(()).expand(1, 1, 48)), {}, "'mask_token' is no plain array"),
    "heads": (lambda state: None, {"decoder": {"heads": 5}}, "not a decoder of MAE with 5 heads"),
    "not declared": (lambda state: None, {"decoder": None}, "its entry declares no checkpoint.decoder"),
    "another encoder": (
        lambda state: state.update({"decoder_embed.weight": torch.zeros(48, 32)}), {},
        "a decoder of 144 patches of 75 numbers from 32 features, but the encoder has 144 of 75 and 64 features",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_decoder_of_the_model_is_refused(tmp_path, case):
    change, declared, expected = REFUSED[case]
    with pytest.raises(AtlasError, match=expected) as caught:
        load_decoder(changed(tmp_path, change, **declared))
    assert "\n" not in str(caught.value)


def test_patches_stay_in_a_network_whose_attention_knows_places(vit):
    related = dataclasses.replace(vit, blocks=[dataclasses.replace(vit.blocks[0], attention_bias=lambda: torch.zeros(1))])
    with pytest.raises(AtlasError, match="absolute positions alone"):
        related.encoded(*seen(36))


def test_a_pass_does_not_depend_on_the_decoder():
    entry = read_yaml(ROOT / "config/models.yaml")["models"]["demo_mae"]
    assert "decoder" not in network_facts(entry)["checkpoint"]
    assert network_from_dict("demo_mae", network_facts(entry, decoder=True)).checkpoint.decoder == {"heads": 4}


def test_released_models_with_a_decoder_are_those_of_full_files():
    having = [name for name, entry in read_models(ROOT / "config/models.yaml").items() if entry.checkpoint.decoder]
    assert having == ["demo_mae", "mae_b16_full"]
