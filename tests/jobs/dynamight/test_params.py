"""The DynaMight declaration against RELION's, written down literally here."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from jobs.core.declaration import (
    Kind,
    NodeSpec,
    add_arguments,
    from_arguments,
    from_values,
    specs,
    tabs,
    to_values,
)
from jobs.core.errors import UserError
from jobs.dynamight.bodies_options import BodiesOptions
from jobs.dynamight.params import FINAL_CHECKPOINT, JOB_TYPE, DynaMightOptions

# name, tab, label, kind, default as text, (low, high, step), enabled, when
RELION = [
    ("fn_star", "I/O", "Input images STAR file:", Kind.INPUT_NODE, "", None, "new", ""),
    ("fn_map", "I/O", "Consensus map:", Kind.INPUT_NODE, "", None, "new", ""),
    ("nr_gaussians", "I/O", "Number of Gaussians:", Kind.INTEGER, "10000", (5000, 40000, 1000), "new", ""),
    ("initial_threshold", "I/O", "Initial map threshold (optional):", Kind.NUMBER, "", None, "new", ""),
    ("reg_factor", "I/O", "Regularization factor:", Kind.NUMBER, "1", (0.2, 5, 0.1), "new", ""),
    ("fn_dynamight_exe", "I/O", "DynaMight executable:", Kind.TEXT,
     "relion_python_dynamight", None, "new", ""),
    ("gpu_id", "I/O", "Which (single) GPU to use:", Kind.GPU, "0", None, "always", ""),
    ("do_preload", "I/O", "Preload images in RAM?", Kind.YESNO, "No", None, "always", ""),
    ("fn_checkpoint", "Tasks", "Checkpoint file:", Kind.FILE, "", None, "continue", ""),
    ("do_visualize", "Tasks", "Do visualization?", Kind.YESNO, "No", None, "continue", ""),
    ("halfset", "Tasks", "Half-set to visualize:", Kind.INTEGER, "1", (0, 2, 1), "always", "do_visualize"),
    ("do_inverse", "Tasks", "Do inverse-deformation estimation?", Kind.YESNO, "No", None, "continue", ""),
    ("nr_epochs", "Tasks", "Number of epochs to perform:", Kind.INTEGER, "200", (50, 500, 10), "always",
     "do_inverse"),
    ("do_store_deform", "Tasks", "Store deformations in RAM?", Kind.YESNO, "No", None, "always",
     "do_inverse"),
    ("do_reconstruct", "Tasks", "Do deformed backprojection?", Kind.YESNO, "No", None, "continue", ""),
    ("backproject_batchsize", "Tasks", "Backprojection batchsize:", Kind.INTEGER, "10", (1, 500, 10),
     "always", "do_reconstruct"),
    ("nr_threads", "Running", "Number of threads:", Kind.INTEGER, "1", (1, 16, 1), "always", ""),
    ("do_queue", "Running", "Submit to queue?", Kind.YESNO, "No", None, "always", ""),
    ("queuename", "Running", "Queue name:", Kind.TEXT, "openmpi", None, "always", "do_queue"),
    ("qsub", "Running", "Queue submit command:", Kind.TEXT, "sbatch", None, "always", "do_queue"),
    ("qsubscript", "Running", "Standard submission script:", Kind.FILE, "", None, "always", "do_queue"),
    ("min_dedicated", "Running", "Minimum dedicated cores per node:", Kind.INTEGER, "1", (1, 64, 1), "always",
     "do_queue"),
    ("other_args", "Running", "Additional arguments:", Kind.TEXT, "", None, "always", ""),
]  # fmt: skip

JOB_STAR_ROWS = """
backproject_batchsize do_inverse do_preload do_queue do_reconstruct do_store_deform do_visualize fn_checkpoint
fn_dynamight_exe fn_map fn_star gpu_id halfset initial_threshold min_dedicated nr_epochs nr_gaussians
nr_threads other_args qsub qsubscript queuename reg_factor
"""


def test_that_names_labels_defaults_ranges_order_tabs_and_rules_are_those_of_relion() -> None:
    ours = []
    for declared in specs(DynaMightOptions):
        if declared.in_job_star:
            slider = None if declared.low is None else (declared.low, declared.high, declared.step)
            text = to_values(DynaMightOptions())[declared.name]
            ours.append(
                (
                    declared.name,
                    declared.tab,
                    declared.label,
                    declared.kind,
                    text,
                    slider,
                    declared.enabled,
                    declared.when,
                )
            )
    assert ours == RELION


def test_that_job_star_has_the_rows_relion_writes() -> None:
    assert sorted(to_values(DynaMightOptions())) == JOB_STAR_ROWS.split()


def test_that_further_options_stand_on_a_tab_of_their_own() -> None:
    assert tabs(DynaMightOptions) == ("I/O", "Tasks", "Advanced", "Running")
    for declared in specs(DynaMightOptions):
        ours = declared.tab == "Advanced" or declared.name in BodiesOptions.model_fields
        assert declared.in_job_star is not ours, declared.name


def test_that_the_checkpoint_dialog_starts_in_the_folder_of_checkpoints() -> None:
    declared = {d.name: d for d in specs(DynaMightOptions)}["fn_checkpoint"]
    assert (declared.pattern, declared.browse_from) == ("*.pth", "forward_deformations/checkpoints")


def test_that_the_tutorial_can_be_typed_in() -> None:
    options, problems = from_values(
        DynaMightOptions,
        {
            "fn_star": "Refine3D/job029/run_data.star",
            "fn_map": "Refine3D/job029/run_class001.mrc",
            "nr_gaussians": "8000",
            "initial_threshold": "0.015",
            "reg_factor": "1",
            "gpu_id": "0",
            "do_preload": "Yes",
            "nr_threads": "4",
        },
    )
    assert not problems
    assert (options.nr_gaussians, options.initial_threshold, options.do_preload) == (8000, 0.015, True)
    assert JOB_TYPE.input_nodes(options) == [
        ("Refine3D/job029/run_data.star", "ParticleGroupMetadata.star.relion"),
        ("Refine3D/job029/run_class001.mrc", "DensityMap.mrc"),
    ]


def test_that_numbers_outside_the_slider_are_accepted_as_in_relion() -> None:
    assert DynaMightOptions(nr_gaussians=600, nr_epochs=5).nr_gaussians == 600
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        DynaMightOptions(nr_gaussians=0)


@pytest.mark.parametrize(
    ("switch", "task"),
    [
        ("do_visualize", "visualise"),
        ("do_inverse", "inverse"),
        ("do_reconstruct", "reconstruct"),
        ("do_masks", "masks"),
        ("do_rigid_transforms", "transforms"),
    ],
)
def test_that_one_switch_chooses_the_task_of_a_continuation(switch: str, task: str) -> None:
    chosen = JOB_TYPE.task_for(DynaMightOptions(**{switch: True}), is_continue=True)
    assert chosen.name == task
    assert chosen.viewer is (task == "visualise")


def test_that_only_the_backprojection_registers_results_as_in_relion() -> None:
    label = "DensityMap.mrc.relion.halfmap.dynamight"
    for task in JOB_TYPE.tasks:
        expected = (
            (
                NodeSpec("backprojection/map_half1.mrc", label),
                NodeSpec("backprojection/map_half2.mrc", label),
            )
            if task.name == "reconstruct"
            else ()
        )
        assert task.outputs == expected


def test_that_a_continuation_needs_exactly_one_task(tmp_path: Path) -> None:
    final = tmp_path / FINAL_CHECKPOINT
    final.parent.mkdir(parents=True)
    final.touch()
    with pytest.raises(UserError, match=r"A task must be chosen.*'Do visualization\?'"):
        JOB_TYPE.task_for(DynaMightOptions(), True, tmp_path)
    both = DynaMightOptions(do_visualize=True, do_inverse=True)
    with pytest.raises(UserError, match="Only one task can run at a time"):
        JOB_TYPE.task_for(both, True, tmp_path)


def test_that_an_interrupted_training_is_resumed_when_no_task_is_chosen(tmp_path: Path) -> None:
    assert JOB_TYPE.task_for(DynaMightOptions(), True, tmp_path).name == "resume"
    assert JOB_TYPE.task_for(DynaMightOptions(), False).name == "train"


@pytest.mark.parametrize(
    ("task", "words", "expected"),
    [
        (
            "train",
            "--refinement-star-file p.star --initial-model m.mrc --n-gaussians 500 --initial-threshold 0.01 "
            "--regularization-factor 0.9 --n-threads 2 --gpu-id 1 --preload-images --n-epochs 7 "
            "--n-warmup-epochs 2 --batch-size 16 --n-latent-dimensions 4 --kld-factor 0.1 "
            "--no-use-data-normalization --mask-file k.mrc --particle-diameter 150 --soft-edge-width 5 "
            "--n-gaussian-widths 2 --weight-decay 0.1 --apply-bfactor 3 --n-workers 0 --combine-resolution 6 "
            "--consensus-update-rate 0 --consensus-update-decay 0.9 --consensus-update-pooled-particles 10 "
            "--n-positional-encoding-dimensions 5 --n-linear-layers 3 --n-neurons-per-layer 64 "
            "--initial-resolution 9 --atomic-model a.pdb --checkpoint-file c.pth",
            {
                "fn_star": "p.star", "fn_map": "m.mrc", "nr_gaussians": 500, "initial_threshold": 0.01,
                "reg_factor": 0.9, "nr_threads": 2, "gpu_id": "1", "do_preload": True, "n_epochs": 7,
                "n_warmup_epochs": 2, "batch_size": 16, "n_latent_dimensions": 4, "kld_factor": 0.1,
                "use_data_normalization": False, "mask_file": "k.mrc", "particle_diameter": 150.0,
                "soft_edge_width": 5.0, "n_gaussian_widths": 2, "weight_decay": 0.1, "apply_bfactor": 3.0,
                "n_workers": 0, "combine_resolution": 6.0, "consensus_update_rate": 0.0,
                "consensus_update_decay": 0.9, "consensus_update_pooled_particles": 10,
                "n_positional_encoding_dimensions": 5, "n_linear_layers": 3, "n_neurons_per_layer": 64,
                "initial_resolution": 9.0, "atomic_model": "a.pdb", "fn_checkpoint": "c.pth",
            },
        ),
        ("inverse", "--n-epochs 60 --save-deformations", {"nr_epochs": 60, "do_store_deform": True}),
        ("reconstruct", "--batch-size 4 --preload-images", {"backproject_batchsize": 4, "do_preload": True}),
        ("visualise", "--half-set 0", {"halfset": 0}),
    ],
    ids=["train", "inverse", "reconstruct", "visualise"],
)  # fmt: skip
def test_that_each_command_of_the_original_keeps_its_spellings(
    task: str, words: str, expected: dict[str, object]
) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser, DynaMightOptions, task=task)
    options = from_arguments(DynaMightOptions, parser.parse_args(words.split()))
    assert options == DynaMightOptions(**expected)
