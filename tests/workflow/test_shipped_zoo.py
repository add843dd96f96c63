"""The shipped zoo in a run: nothing is trained, and what is not what its index says is refused."""

import json

SHIPPED = "demo={zoo: shipped}"


def test_with_the_shipped_zoo_nothing_is_trained(finished):
    jobs = finished.planned("--config", SHIPPED, "models=[demo_fs,demo_untrained,random_baseline,demo_mae]")
    assert jobs["take_demo_model"] >= 1
    assert not {"train_demo_model", "paint_zoo_world"} & set(jobs)


def test_a_shipped_file_is_taken_whole_and_recorded_nowhere(finished, tmp_path):
    lock = finished.path / "config/fetched.lock.yaml"
    before = lock.read_bytes() if lock.exists() else None
    target = tmp_path / "resources/checkpoints/demo_fs.npz"
    finished.run(str(target), "--config", SHIPPED, f"resources={tmp_path}/resources", f"results={tmp_path}/results")
    assert target.read_bytes() == (finished.path / "config/demo_zoo/demo_fs.npz").read_bytes()
    assert (lock.read_bytes() if lock.exists() else None) == before


def test_a_shipped_file_that_was_changed_is_refused_by_name(finished, edited, tmp_path):
    index = finished.path / "config/demo_zoo/zoo.json"
    digest = json.loads(index.read_text())["models"]["demo_fs.npz"]["sha256"]
    edited("config/demo_zoo/zoo.json", "0" * 64, instead_of=digest)
    target = tmp_path / "resources/checkpoints/demo_fs.npz"
    made = finished.run(
        str(target), "--config", SHIPPED, f"resources={tmp_path}/resources", f"results={tmp_path}/results", check=False
    )
    assert made.returncode != 0
    errors = [line for line in made.text.splitlines() if line.startswith("error: ")]
    assert len(set(errors)) == 1
    assert "demo_fs.npz" in errors[0] and "sha256" in errors[0]
    assert not target.exists()


def test_without_its_index_a_run_says_so_and_trains_on_request(finished, edited):
    edited("config/demo_zoo/zoo.json", "{", instead_of="{")
    (finished.path / "config/demo_zoo/zoo.json").write_text("{")
    made = finished.run("--dry-run", "--config", SHIPPED, check=False)
    assert made.returncode != 0
    assert "zoo.json: cannot be read as the index of the shipped zoo" in made.text
    assert "Traceback" not in made.text
    assert finished.run("--dry-run").returncode == 0
