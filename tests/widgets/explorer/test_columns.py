"""What is known of particles: under which names, as which kind of values, and read only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.explored import BlobModel
from widgets.explorer.category_rows import telling_parts
from widgets.explorer.column_names import GROUPS
from widgets.explorer.column_values import interpret
from widgets.explorer.columns import KEPT, Columns, Source


class Noted(Mapping[str, NDArray[Any]]):
    """Notes which columns are fetched."""

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self.columns = columns
        self.fetched: list[str] = []

    def __getitem__(self, name: str) -> NDArray[Any]:
        self.fetched.append(name)
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


@pytest.fixture
def model() -> BlobModel:
    return BlobModel(200)


def blob_columns(model: BlobModel, **extra: NDArray[Any]) -> Columns:
    columns = Columns(model.metadata, model.measures, extra)
    columns.list_sources()
    return columns


def source(columns: Columns, key: str) -> Source:
    return next(s for s in columns.sources if s.key == key)


def test_that_sources_stand_in_groups_under_names_for_people(model: BlobModel) -> None:
    columns = blob_columns(model, latent=model.embedding)
    groups = [s.name.group for s in columns.sources]
    assert groups == sorted(groups, key=GROUPS.index)
    labels = {s.key: s.label for s in columns.sources}
    assert labels["star:rlnDefocusU"] == "Defocus U (Å)"
    assert labels["measure:amount"] == "Amount of motion (Å)"
    assert labels["extra:latent#2"] == "z3"
    assert "rlnDefocusU" in source(columns, "star:rlnDefocusU").tooltip
    assert len({s.key for s in columns.sources}) == len(columns.sources)


def test_that_unknown_columns_keep_their_own_name() -> None:
    columns = Columns({"rlnFancyNewThing": np.zeros(3), "mySpecial": np.zeros(3)}, {}, {})
    labels = [s.label for s in columns.list_sources()]
    assert {"rlnFancyNewThing", "mySpecial"} <= set(labels)


def test_that_listing_reads_nothing_and_reading_fetches_once(model: BlobModel) -> None:
    metadata, measures = Noted(model.metadata), Noted(model.measures)
    columns = Columns(metadata, measures, {})
    columns.list_sources()
    assert metadata.fetched == measures.fetched == []
    wanted = source(columns, "star:rlnDefocusU")
    first, again = columns.read(wanted), columns.read(wanted)
    assert metadata.fetched == ["rlnDefocusU"]
    assert first is again and first is not None
    np.testing.assert_array_equal(first.numbers, model.metadata["rlnDefocusU"])


def test_that_only_the_columns_read_last_are_kept() -> None:
    metadata = Noted({f"c{k}": np.full(4, k + 0.5) for k in range(KEPT + 3)})
    columns = Columns(metadata, {}, {})
    sources = [s for s in columns.list_sources() if s.key.startswith("star:")]
    for s in sources:
        columns.read(s)
    columns.read(sources[-1])
    columns.read(sources[0])
    assert metadata.fetched == [s.raw for s in sources] + [sources[0].raw]


def test_that_vectors_offer_their_parts(model: BlobModel) -> None:
    columns = blob_columns(model)
    whole = columns.read(source(columns, "measure:direction"))
    part = columns.read(source(columns, "measure:direction#0"))
    assert whole is not None and part is not None
    assert (whole.kind, part.kind) == ("vector", "continuous")
    np.testing.assert_array_equal(part.numbers, model.measures["direction"][:, 0])


def test_that_a_quantity_with_a_unit_is_a_scale_even_when_it_is_constant() -> None:
    columns = Columns({"rlnOriginXAngst": np.zeros(9), "rlnClassNumber": np.ones(9)}, {}, {})
    kinds = {s.raw: columns.read(s) for s in columns.list_sources() if s.key.startswith("star:")}
    assert {raw: values.kind for raw, values in kinds.items() if values is not None} == {
        "rlnOriginXAngst": "continuous",
        "rlnClassNumber": "categorical",
    }


def test_that_the_index_counts_particles_and_density_is_left_to_the_plot(model: BlobModel) -> None:
    columns = blob_columns(model)
    index = columns.read(source(columns, "extra:index"))
    assert index is not None and index.kind == "continuous"
    np.testing.assert_array_equal(index.numbers, np.arange(200))
    assert columns.read(source(columns, "extra:density")) is None


def test_that_given_densities_have_a_logarithm(model: BlobModel) -> None:
    density = np.linspace(0, 10, 200)
    columns = blob_columns(model, density=density)
    logs = columns.read(source(columns, "extra:log-density"))
    assert logs is not None and np.isnan(logs.numbers[0])
    np.testing.assert_allclose(logs.numbers[1:], np.log(density[1:]), rtol=1e-5)


def test_that_added_values_replace_those_of_the_same_label(model: BlobModel) -> None:
    columns = blob_columns(model)
    first = columns.add("Cluster", np.zeros(200, int), "Model")
    assert columns.read(first) is not None
    columns.add("Cluster", np.arange(200) % 3, "Model")
    values = columns.read(first)
    assert values is not None and values.names == ("0", "1", "2")
    assert [s.label for s in columns.list_sources()].count("Cluster") == 1


def test_that_values_of_another_number_of_particles_are_refused(model: BlobModel) -> None:
    columns = Columns(model.metadata, model.measures, {}, 200)
    with pytest.raises(ValueError, match="expected"):
        columns.add("Cluster", np.zeros(199))
    with pytest.raises(ValueError, match="no group"):
        columns.add("Cluster", np.zeros(200), "Nonsense")


@pytest.mark.parametrize(
    ("raw", "kind", "names"),
    [
        (np.array([True, False]), "categorical", ("no", "yes")),
        (np.array([3, 1, 3]), "categorical", ("1", "3")),
        (np.array([3.0, 1.0, np.nan]), "categorical", ("1", "3")),
        (np.array([0.5, 1.0, 2.0]), "continuous", ()),
        (np.arange(30), "continuous", ()),
        (np.array(["1.25", "-3e2", "None"], object), "continuous", ()),
        (np.array(["2", "1", "2"]), "categorical", ("1", "2")),
        (np.array(["mic_10", "mic_9", "mic_10"], object), "categorical", ("mic_9", "mic_10")),
        (np.zeros((3, 3)), "vector", ()),
    ],
    ids=["yes-no", "classes", "classes-as-floats", "reals", "many-integers", "number-texts",
         "class-texts", "natural-order", "vectors"],
)  # fmt: skip
def test_that_values_are_taken_for_what_they_are(
    raw: NDArray[Any], kind: str, names: tuple[str, ...]
) -> None:
    values = interpret(raw)
    assert (values.kind, values.names) == (kind, names)
    assert values.count == len(raw)


def test_that_texts_that_are_numbers_become_these_numbers() -> None:
    values = interpret(np.array(["1.25", "-3e2", "", "None"], object))
    np.testing.assert_array_equal(values.numbers, [1.25, -300, np.nan, np.nan])
    assert values.missing == 2


def test_that_codes_lead_back_to_the_texts(rng: np.random.Generator) -> None:
    raw = np.array([f"mic_{k}.mrc" for k in rng.integers(0, 300, 5000)], object)
    values = interpret(raw)
    assert values.kind == "continuous" and values.codes is not None
    assert [values.names[code] for code in values.codes] == raw.tolist()
    as_list = values.as_kind("categorical")
    assert as_list.kind == "categorical" and as_list.counts.sum() == 5000
    assert as_list.counts[7] == (raw == values.names[7]).sum()


def test_that_classes_keep_their_numbers_as_a_scale() -> None:
    scale = interpret(np.array([3.0, 7.0, np.nan])).as_kind("continuous")
    np.testing.assert_array_equal(scale.numbers, [3, 7, np.nan])


def test_that_angles_are_brought_into_one_turn() -> None:
    np.testing.assert_allclose(interpret(np.array([-10.5, 190, 530]), period=360).numbers, [-10.5, -170, 170])
    np.testing.assert_allclose(interpret(np.array([10.5, 370]), period=360).numbers, [10.5, 10])


def test_that_long_names_are_shown_by_the_part_that_tells_them_apart() -> None:
    names = [f"MotionCorr/job002/Movies/20170629_{k:05d}_frameImage.mrc" for k in (1, 12, 120)]
    assert telling_parts(names) == ["00001", "00012", "00120"]
    assert telling_parts(["mic_1.mrc", "mic_2.mrc"]) == ["mic_1.mrc", "mic_2.mrc"]
    assert telling_parts(["a_very_long_name_of_a_file.mrc"] * 2)[0] != ""
