"""Which device a job takes, on machines and under schedulers that are pretended."""

from types import SimpleNamespace

import pytest
import torch

from workflow_scripts.common.device import compute_device
from workflow_scripts.common.errors import AtlasError

SCHEDULERS = (
    *("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE", "SLURM_GPUS"),
    "GPU_DEVICE_ORDINAL",
)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with as many GPUs as are said, of these numbers; the environment of no scheduler."""
    for name in SCHEDULERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("workflow_scripts.common.device._touch", lambda device: None)

    def seen(*cards, **environment):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(cards))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(cards))
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid=cards[index]))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return seen


def taken(gpu="auto"):
    with compute_device(gpu) as device:
        return device


def test_without_a_gpu(machine):
    machine()
    assert taken() == "cpu"
    with pytest.raises(AtlasError, match="gpu: require, but PyTorch sees no GPU here; set gpu: auto, or run on a machine"):
        taken("require")


def test_never_is_never_asked(machine, monkeypatch):
    machine("a")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("CUDA was started"))
    assert taken("never") == "cpu"


def test_two_jobs_of_a_machine_take_two_gpus(machine):
    machine("a", "b")
    with compute_device() as one, compute_device("require") as other:
        assert (one, other) == ("cuda:0", "cuda:1")
    assert taken() == "cuda:0"


def test_a_choice_of_one_gpu_meets_that_of_all_by_the_card_itself(machine):
    machine("a", "b")
    with compute_device() as one:
        assert one == "cuda:0"
        machine("b", "a", CUDA_VISIBLE_DEVICES="1,0")  # counted otherwise in another job
        assert taken() == "cuda:0"
        machine("a", "b", CUDA_VISIBLE_DEVICES="0,1")
        assert taken() == "cuda:1"


@pytest.mark.parametrize("hidden", ["", "-1", "NoDevFiles"])
def test_a_choice_of_none_is_kept_and_named(machine, hidden):
    machine(CUDA_VISIBLE_DEVICES=hidden)
    assert taken() == "cpu"
    with pytest.raises(AtlasError, match=f"CUDA_VISIBLE_DEVICES is '{hidden}', which hides all"):
        taken("require")


def test_a_choice_that_is_not_there_is_named(machine):
    machine(CUDA_VISIBLE_DEVICES="7")
    with pytest.raises(AtlasError, match=r"PyTorch sees no GPU here \(of CUDA_VISIBLE_DEVICES=7\)"):
        taken("require")


def test_a_slurm_job_that_was_given_no_gpu_takes_none_of_a_shared_node(machine, capsys):
    machine("a", "b", SLURM_JOB_ID="12")
    assert taken() == "cpu"
    assert "on the CPU: Slurm job 12 was given no GPU; ask for one" in capsys.readouterr().err
    with pytest.raises(AtlasError, match=r"gpu: require, but Slurm job 12 was given no GPU; ask for one \(--gres=gpu:1\)"):
        taken("require")
    machine("a", "b", CUDA_VISIBLE_DEVICES="0")  # Slurm does not manage GPUs here, and the user said which
    assert taken("require") == "cuda:0"


@pytest.mark.parametrize("grant", ["SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE", "GPU_DEVICE_ORDINAL"])
def test_processes_of_one_slurm_job_share_its_gpus_and_other_jobs_do_not_wait(machine, grant):
    machine("a", "b", SLURM_JOB_ID="12", **{grant: "2"})
    with compute_device() as one, compute_device() as other:
        assert (one, other) == ("cuda:0", "cuda:1")
        machine("a", SLURM_JOB_ID="13")  # given the same card by Slurm: shared on purpose
        assert taken() == "cuda:0"


def test_a_card_in_exclusive_mode_that_is_taken_is_one_line(machine, monkeypatch):
    monkeypatch.undo()
    said = "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nCUDA kernel errors might be reported later"
    device = __import__("workflow_scripts.common.device", fromlist=["_touch"])

    def fail(*_, **__):
        raise RuntimeError(said)

    monkeypatch.setattr(torch, "zeros", fail)
    with pytest.raises(AtlasError, match="cuda:0 is in exclusive mode and another process has it; ask the scheduler") as caught:
        device._touch("cuda:0")
    assert "\n" not in str(caught.value)
    said = "CUDA error: an illegal memory access was encountered"
    with pytest.raises(RuntimeError, match="illegal memory"):
        device._touch("cuda:0")


def test_float32_is_not_tf32_where_a_gpu_is_taken(machine, monkeypatch):
    machine("a")
    settings = (torch.backends.cudnn, "allow_tf32"), (torch.backends.cuda.matmul, "allow_tf32")
    before = [getattr(*setting) for setting in settings]
    try:
        for place, name in settings:
            setattr(place, name, True)
        with compute_device():
            assert [getattr(*setting) for setting in settings] == [False, False]
    finally:
        for (place, name), value in zip(settings, before, strict=True):
            setattr(place, name, value)
