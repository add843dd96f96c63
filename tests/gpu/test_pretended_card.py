"""The pretended card mixes nothing, and computes what the CPU computes."""

import pytest
import torch

from tests.gpu.pretended_card import CARD, OnCard, pretended_card


def test_tensors_of_two_devices_are_refused_as_cuda_refuses_them():
    with pretended_card():
        there, here = torch.ones(3, 3, device=CARD), torch.arange(9.0).reshape(3, 3)
        assert (there.device, there.is_cuda, here.device.type) == (CARD, True, "cpu")
        refused = (
            lambda: there + here,
            lambda: there @ here,
            lambda: torch.cat([here, there]),
            lambda: torch.where(here > 0, there, 0),
            lambda: here[there.long()],
            lambda: there.index_add_(0, torch.tensor([0]), there[:1]),
            lambda: there.gather(1, here.long()),
            lambda: torch.nn.functional.linear(here, there),
        )
        for operation in refused:
            with pytest.raises((RuntimeError, IndexError), match="same device"):
                operation()
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()


def test_what_cuda_allows_is_allowed_and_the_numbers_are_those_of_the_cpu():
    with pretended_card():
        here = torch.arange(9.0).reshape(3, 3)
        there = here.to(CARD)
        assert isinstance(there, OnCard)
        assert torch.equal(there.cpu(), here)
        assert torch.equal((there * torch.tensor(2.0)).to("cpu"), 2 * here)
        assert torch.equal(there[torch.tensor([2, 0])].cpu(), here[[2, 0]])
        with torch.inference_mode():
            assert torch.equal((there @ there.T).softmax(-1).cpu(), (here @ here.T).softmax(-1))
        assert torch.equal(there[:, [2, 0]].cpu(), here[:, [2, 0]])
        changed = there.new_zeros(3, 3)
        changed[1:] += there[1:]
        changed.copy_(changed.cpu() * 2)
        assert torch.equal(changed.cpu(), torch.cat([here[:1] * 0, 2 * here[1:]]))
        assert int(there.argmax()) == 8
        leaf = torch.ones(3, device=CARD).requires_grad_()
        ((there @ leaf) ** 2).sum().backward()
        assert torch.equal(leaf.grad.cpu(), 2 * here.T @ here.sum(1))
    with pytest.raises((RuntimeError, AssertionError)):
        torch.ones(1, device="cuda:7")
