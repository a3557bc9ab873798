"""scripts/detect in small: scenes, a training that can be interrupted, one file of weights, what counts as the same."""

import os
import re
import signal
import time
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from crosscheck import registry
from crosscheck.detect import __main__ as command
from crosscheck.detect import checkpoint, pictures, report, scenes, training
from crosscheck.detect.detections import Detections, detect, slots, truth
from crosscheck.detect.job import Files, begin, run
from crosscheck.detect.recipe import Recipe
from crosscheck.detect.training import TWIN
from crosscheck.detect.verdict import Verdict, decided_otherwise, forward_noise, loaded_alike, trained_alike
from reference.detection.anchors import k_means, size_iou
from reference.detection.assignment import assign

INSTALLED = [column for column in registry.PACKAGES if not registry.missing(column)]
needs_a_port = pytest.mark.skipif(len(INSTALLED) < 2, reason="neither PyTorch nor JAX is installed: not run")


@dataclass(frozen=True)
class Small(Recipe):
    """Trained in no time, and compiled in little; it learns nothing much."""

    scenes: int = 20
    held_out: int = 6
    epochs: int = 2
    batch_size: int = 8
    widths: tuple[int, ...] = (4, 5, 6, 7)
    prior: float = 0.0
    target: float = 0.0

    @cached_property
    def case(self):
        return replace(super().case, compiled=False)


SMALL = Small()


class Here(Executor):
    """Workers that are this process."""

    def submit(self, function, *args):
        done = Future()
        done.set_result(function(*args))
        return done


# Scenes


def test_a_scene_is_the_same_however_many_are_made():
    few, many = scenes.make(3, 5), scenes.make(6, 5)
    assert np.array_equal(few.pictures, many.pictures[:3])
    assert np.array_equal(few.objects, many.objects[:3])
    assert not np.array_equal(scenes.make(3, 6).pictures, few.pictures)


def test_scenes_hold_every_kind_at_several_scales_in_the_picture():
    made = scenes.make(200, 0)
    objects = made.objects[made.objects[..., 4] >= 0]
    assert made.pictures.shape == (200, 64, 64, 3)
    assert made.pictures.min() >= 0
    assert made.pictures.max() <= 1
    assert (np.bincount(objects[:, 4].astype(int)) > 0.25 * len(objects)).all()
    assert objects[:, 2].min() < 10
    assert objects[:, 2].max() > 29
    boxes, _, _ = truth(made)
    assert boxes.min() >= 0
    assert boxes.max() <= scenes.SIZE


def test_some_objects_share_a_cell_and_some_overlap():
    made, recipe = scenes.make(40, 0), Recipe(scenes=40)
    stride = max(recipe.grid["strides"])
    shared = 0
    for objects in made.objects:
        cells = [tuple(each[:2] // stride) for each in objects if each[4] >= 0]
        shared += len(set(cells)) < len(cells)
    assert shared >= 10
    owner = assign(made.objects, **recipe.grid)
    assert all(set(range(int((objects[:, 4] >= 0).sum()))) <= set(own) for objects, own in zip(made.objects, owner))


def test_anchors_are_where_k_means_rests_and_every_object_is_near_one():
    recipe = Recipe(scenes=200)
    anchors = np.array(recipe.anchors)
    objects = recipe.training.objects
    sizes = objects[objects[..., 4] >= 0][:, 2:4]
    np.testing.assert_allclose(k_means(sizes, anchors, steps=1), anchors, rtol=0.02)
    assert size_iou(sizes, anchors).max(axis=1).mean() > 0.7


def test_an_epoch_takes_every_scene_once_and_each_epoch_another_order():
    recipe = Recipe(scenes=32, batch_size=8)
    assert sorted(np.concatenate(recipe.batches(0)).tolist()) == list(range(32))
    assert not np.array_equal(recipe.batches(0), recipe.batches(1))


@pytest.mark.parametrize("name", ["scenes", "held_out", "epochs", "batch_size"])
def test_nothing_to_train_on_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0; expected at least 1"):
        Recipe(**{name: 0})


# Training


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A whole run of the small recipe, and its files."""
    files = Files(tmp_path_factory.mktemp("detect"))
    result = run(begin(SMALL, INSTALLED, files, resume=False), files, Here())
    return result, files


@needs_a_port
def test_the_columns_stay_together(done):
    result, _ = done
    assert list(result.training.points) == [name for column in INSTALLED for name in (column, column + TWIN)]
    for name in INSTALLED[1:]:
        assert result.trained[name].problem == result.loaded[name].problem == ""
        assert 0 <= result.trained[name].units < 8
        assert result.loaded[name].units < 8
        assert 0 < result.drift[name] < 1e-10
    assert result.problems == []


def test_the_cost_falls(done):
    for curve in done[0].training.curves.values():
        assert len(curve) == 2
        assert curve[1] < 0.9 * curve[0]


def numbers(points):
    return {f"{name} {key}": value for name, point in points.items() for key, value in checkpoint.numbers(point)}


def test_a_resumed_training_is_the_uninterrupted_one_to_the_bit(done, tmp_path):
    whole, _ = done
    files = Files(tmp_path)

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(begin(SMALL, INSTALLED, files, resume=False), files, Here(), tell=interrupt)
    training.learner.cache_clear()
    resumed = begin(SMALL, INSTALLED, files, resume=True)
    assert resumed.epoch == 1
    run(resumed, files, Here())
    expected, found = numbers(whole.training.points), numbers(resumed.points)
    assert expected.keys() == found.keys()
    assert all(np.array_equal(value, found[key]) for key, value in expected.items())
    assert resumed.curves == whole.training.curves


def test_a_training_that_is_done_is_resumed_by_judging_it(done):
    result, files = done
    again = run(begin(SMALL, INSTALLED, files, resume=True), files, Here())
    assert again.trained == result.trained
    assert np.array_equal(again.found["numpy"].numbers, result.found["numpy"].numbers)


@pytest.mark.parametrize("name", INSTALLED)
def test_every_column_loads_the_one_file_of_weights(name, done):
    result, files = done
    assert all(value.dtype == np.float64 for value in load_file(files.weights).values())
    found = detect((name, SMALL, files.weights))
    assert not decided_otherwise(result.found["numpy"], found)
    np.testing.assert_allclose(found.numbers, result.found["numpy"].numbers, rtol=1e-9)


def test_a_column_with_weights_of_its_own_is_refused(done):
    """One weight a millionth off."""
    result, files = done
    at = result.training.points["numpy"]
    name = "coarse_head.W"
    changed = replace(at, params={**at.params, name: at.params[name] * (1 + 1e-6)})
    other = files.folder / "other.safetensors"
    checkpoint.save_weights(other, SMALL, changed)
    ours, theirs = (slots(("numpy", SMALL, file)) for file in (files.weights, other))
    found = {"numpy": result.found["numpy"], "torch": detect(("numpy", SMALL, other))}
    floor = forward_noise(SMALL, files.weights)
    refused = loaded_alike(found, {"numpy": ours, "torch": theirs}, floor, "torch")
    assert "slots differ" in refused.problem


def test_a_worker_that_is_killed_ends_the_run():
    with pytest.raises(BrokenProcessPool), training.workers(1) as pool:
        pool.submit(os.kill, pool.submit(os.getpid).result(), signal.SIGKILL).result()


def interrupted(pids):
    with training.workers(1) as pool:
        pids.append(pool.submit(os.getpid).result())
        pool.submit(time.sleep, 600)
        raise KeyboardInterrupt


def test_an_interrupt_ends_the_workers_at_once():
    pids = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(pids)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


# Files


def edited(change):
    def edit(files, path):
        tensors, facts = load_file(files.checkpoint), dict(checkpoint.read(files.checkpoint)[0])
        change(tensors, facts)
        save_file(tensors, path, facts)

    return edit


def cut(files, path):
    path.write_bytes(files.checkpoint.read_bytes()[:-1000])


def net_alone(files, path):
    path.write_bytes(files.weights.read_bytes())


FIRST = "numpy|params|coarse_head.W"
DAMAGED = {
    "half a file": (cut, "damaged, or no safetensors file"),
    "the net alone": (net_alone, "no detector in training"),
    "a tensor less": (edited(lambda tensors, _: tensors.pop(FIRST)), "coarse_head.W is missing"),
    "another shape": (
        edited(lambda tensors, _: tensors.update({FIRST: tensors[FIRST].ravel()})),
        "coarse_head.W has shape",
    ),
    "NaN": (edited(lambda tensors, _: tensors.update({FIRST: tensors[FIRST] * np.nan})), "is not finite"),
    "another format": (edited(lambda _, facts: facts.update(format="2")), "no detector in training"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_checkpoint_is_refused(damage, message, done, tmp_path):
    path = tmp_path / "damaged.safetensors"
    damage(done[1], path)
    with pytest.raises(ValueError, match=message) as refusal:
        checkpoint.load(path, SMALL, list(done[0].training.points))
    assert str(path) in str(refusal.value)


@needs_a_port
def test_a_checkpoint_of_another_configuration_is_refused(done):
    result, files = done
    learners = list(result.training.points)
    for name, value in {"epochs": 3, "widths": (4, 5, 6, 8), "alpha0": 0.02, "scenes": 21}.items():
        with pytest.raises(ValueError, match=rf"training with {name} = .*; expected {re.escape(str(value))}"):
            checkpoint.load(files.checkpoint, replace(SMALL, **{name: value}), learners)
    with pytest.raises(ValueError, match=r"a training of numpy.*; expected numpy"):
        checkpoint.load(files.checkpoint, SMALL, learners[:2])


def test_weights_of_another_configuration_are_refused(done):
    for name in INSTALLED:
        with pytest.raises(ValueError, match="expected"):
            checkpoint.into(name, replace(SMALL, widths=(4, 5, 6, 8)), done[1].weights)


# What is the same


def found_in(rng, scene=(0, 0, 1), classes=(0, 1, 2), noise=0.0):
    numbers = np.arange(15.0).reshape(3, 5) + noise * rng.standard_normal((3, 5))
    return Detections(np.array(scene), np.array(classes), numbers, (1.0, 1.0, 1.0), 1.0)


def alike(other, noise=1e-12):
    """The verdict on what another column found, each column's twin being as far from it as rounding takes it."""
    rng = np.random.default_rng(0)
    ours, theirs = found_in(rng), other(rng)
    twins = [replace(each, numbers=each.numbers + noise * rng.standard_normal((3, 5))) for each in (ours, theirs)]
    named = {"numpy": ours, "torch": theirs, "numpy" + TWIN: twins[0], "torch" + TWIN: twins[1]}
    return trained_alike(named, "torch")


def test_what_rounding_does_is_the_same():
    verdict = alike(lambda rng: found_in(rng, noise=1e-12))
    assert verdict.problem == ""
    assert 0 < verdict.units < 8
    assert 0 < verdict.pixels < 1e-11


DIFFERENT = {
    "another class": (lambda rng: found_in(rng, classes=(0, 2, 2)), r"classes \[0, 2\] in scene 0.*finds \[0, 1\]"),
    "another order": (lambda rng: found_in(rng, classes=(1, 0, 2)), r"classes \[1, 0\] in scene 0"),
    "another scene": (lambda rng: found_in(rng, scene=(0, 0, 2)), r"classes \[\] in scene 1"),
    "another number": (lambda rng: found_in(rng, noise=1e-9), "noise units off, 8 are allowed"),
}


@pytest.mark.parametrize(("other", "message"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_is_not_the_same_is_refused(other, message):
    assert re.search(message, alike(other).problem)


def test_scores_are_judged_by_themselves():
    """A difference that is large for a score alone."""

    def scored(rng):
        found = found_in(rng)
        return replace(found, numbers=found.numbers + np.array([1e-10, 0, 0, 0, 0]))

    assert "the score is" in alike(scored).problem


def test_nothing_found_is_not_the_same():
    nothing = Detections(np.zeros(0), np.zeros(0), np.zeros((0, 5)), (0.0, 0.0, 0.0), 0.0)
    found = dict.fromkeys(("numpy", "numpy" + TWIN, "torch", "torch" + TWIN), nothing)
    assert trained_alike(found, "torch").problem


def judged(done, **changes):
    return replace(done[0], **changes)


@needs_a_port
def test_a_result_says_what_is_wrong(done):
    high = replace(done[0].training, recipe=replace(SMALL, target=1.0))
    assert len(judged(done, training=high).problems) == len(INSTALLED)
    bad = {"torch": Verdict("differs", 9.0, 1.0)}
    assert judged(done, trained=bad).problems == ["torch, trained by itself: differs"]
    assert judged(done, loaded=bad).problems == ["torch, from one file of weights: differs"]
    alone = {name: each for name, each in done[0].found.items() if name.startswith("numpy")}
    assert "only one column" in judged(done, found=alone).problems[0]


# What is shown


@needs_a_port
def test_the_picture_has_a_row_for_the_truth_and_each_column(done):
    from matplotlib import image

    result, files = done
    few = {name: result.found[name] for name in INSTALLED}
    files.picture.write_bytes(pictures.draw(SMALL.judged, few))
    height, width, _ = image.imread(files.picture).shape
    one = image.imread(files.picture).shape
    assert one == (height, width, 4)
    files.picture.write_bytes(pictures.draw(SMALL.judged, {"numpy": result.found["numpy"]}))
    assert image.imread(files.picture).shape[0] < height


@needs_a_port
def test_the_page_is_one_file_with_table_and_picture_in_it(done):
    result, files = done
    report.write(result, b"picture", files.page)
    page = files.page.read_text()
    assert "data:image/png;base64,cGljdHVyZQ==" in page
    assert not re.search(r"""(src|href)=["']?https?://|@import|url\(["']?http""", page)
    for name, values in report.rows(result):
        assert name in page
        assert all(value in page for value in values)
    wrong = judged(done, trained={"torch": Verdict("differs <here>", 9.0, 1.0)})
    report.write(wrong, b"picture", files.page)
    assert "torch, trained by itself: differs &lt;here&gt;" in files.page.read_text()


# The command


@pytest.fixture
def here(monkeypatch):
    """The command in this process, with the small recipe's net."""
    monkeypatch.setattr(training, "workers", lambda count: nullcontext(Here()))
    monkeypatch.setattr("crosscheck.detect.recipe.Recipe", Small)


@needs_a_port
def test_the_command_writes_all_files_and_goes_on_where_it_was(here, tmp_path, capsys):
    assert command.main(["--folder", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert {file.name for file in tmp_path.iterdir()} == {
        "detect.html",
        "detect.png",
        "detect-training.safetensors",
        "yolo.safetensors",
    }
    assert "epoch 2 of 2: cost numpy" in shown.err
    assert "mean average precision at IoU 0.5" in shown.out
    weights = load_file(tmp_path / "yolo.safetensors")
    assert command.main(["--folder", str(tmp_path), "--resume"]) == 0
    assert all(np.array_equal(value, weights[name]) for name, value in load_file(tmp_path / "yolo.safetensors").items())


def test_the_command_refuses_what_cannot_be_done(here, tmp_path, capsys):
    assert command.main(["--resume", "--folder", str(tmp_path)]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert command.main(["--scenes", "0", "--folder", str(tmp_path)]) == 2
    assert "scenes is 0" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert command.main(["--folder", str(tmp_path / "file")]) == 2


def test_ctrl_c_says_how_to_go_on(here, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("crosscheck.detect.job.run", interrupted)
    assert command.main(["--folder", str(tmp_path)]) == 130
    assert "--resume" in capsys.readouterr().err
