"""Models in a real registry: read, promoted, rolled back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from labline_backend.registry import ModelReference, RegistryError

from .conftest import Store, version


def test_a_version_has_the_metrics_of_its_step_and_of_the_whole_run(store: Store, name: str) -> None:
    store.register(name, {"loss": 0.1, "auc": 0.7}, evaluated={"auc": 0.9, "f1": 0.8})
    (found,) = store.shelf.model(name).versions
    assert found.metrics == {"auc": 0.7, "f1": 0.8, "loss": 0.1}


def test_a_version_names_the_run_and_the_step_that_it_is_from(store: Store, name: str) -> None:
    store.register(name)
    (found,) = store.shelf.model(name).versions
    assert (found.run, found.step) == ("rabbit", "train")


def test_a_version_outlives_its_run(store: Store, name: str) -> None:
    store.register(name, {"auc": 1.0})
    run = store.shelf.model(name).versions[0].mlflow_run
    store.client.delete_run(run)
    assert store.shelf.model(name).versions[0].version == "1"


def test_the_newest_versions_are_shown_and_those_with_an_alias(store: Store, name: str) -> None:
    for _ in range(4):
        store.register(name)
    store.shelf.promote(version(name, "1"), "ada")
    model = store.shelf.model(name, 2)
    assert ([each.version for each in model.versions], model.older) == (["4", "3", "1"], 1)


def test_all_models_are_listed_with_their_newest_version(store: Store, name: str) -> None:
    store.register(name)
    store.register(name)
    assert {line.name: line.newest for line in store.shelf.all_()}[name] == "2"


def test_a_model_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(RegistryError, match="There is no model nobody's in the registry"):
        store.shelf.model("nobody's")


def test_a_version_that_passes_the_gate_gets_the_alias(store: Store, name: str) -> None:
    store.register(name, {"auc": 0.9})
    store.shelf.set_gate(name, ["auc >= 0.8"])
    store.shelf.promote(version(name, "1"), "ada")
    assert store.shelf.model(name).aliases == {"champion": "1"}


def test_a_version_that_does_not_pass_changes_nothing(store: Store, name: str) -> None:
    store.register(name, {"auc": 0.9})
    store.register(name, {"auc": 0.8})
    store.shelf.set_gate(name, ["auc >= champion"])
    store.shelf.promote(version(name, "1"), "ada")
    promotion = store.shelf.promote(version(name, "2"), "ada")
    model = store.shelf.model(name)
    assert (promotion.move, model.aliases, len(model.history)) == (None, {"champion": "1"}, 1)


def test_a_forced_promotion_keeps_its_reason_and_what_failed(store: Store, name: str) -> None:
    store.register(name, {"auc": 0.1})
    store.shelf.set_gate(name, ["auc >= 0.8", "verified"])
    store.shelf.promote(version(name, "1"), "ada", force=True, reason="the old one is down")
    (move,) = store.shelf.model(name).history
    assert (move.who, move.reason, move.failed) == ("ada", "the old one is down", ("auc >= 0.8", "verified"))


def test_force_without_a_reason_is_refused(store: Store, name: str) -> None:
    store.register(name)
    with pytest.raises(RegistryError, match="needs a reason"):
        store.shelf.promote(version(name, "1"), "ada", force=True)


def test_an_approval_counts_for_its_version_only(store: Store, name: str) -> None:
    store.register(name)
    store.register(name)
    store.shelf.set_gate(name, ["approvals >= 1"])
    store.shelf.approve(version(name, "1"), "ada", "looked at it")
    assert [store.shelf.judged(version(name, number))[0].passed for number in "12"] == [True, False]


def test_a_gate_that_cannot_be_read_is_not_kept(store: Store, name: str) -> None:
    store.register(name)
    with pytest.raises(RegistryError, match="is no condition"):
        store.shelf.set_gate(name, ["auc >= 0.8", "auc is good"])
    assert store.shelf.model(name).gate == ()


def test_a_gate_that_somebody_else_has_broken_lets_nothing_pass(store: Store, name: str) -> None:
    store.register(name)
    store.client.set_registered_model_tag(name, "labline.gate", "{")
    with pytest.raises(RegistryError, match="cannot be read"):
        store.shelf.promote(version(name, "1"), "ada")


def test_a_rollback_gives_the_alias_back(store: Store, name: str) -> None:
    store.register(name)
    store.register(name)
    for number in "12":
        store.shelf.promote(version(name, number), "ada")
    store.shelf.roll_back(name, "bob")
    assert store.shelf.model(name).aliases == {"champion": "1"}


def test_a_second_rollback_goes_one_further_back(store: Store, name: str) -> None:
    for _ in range(3):
        store.register(name)
    for number in "123":
        store.shelf.promote(version(name, number), "ada")
    for _ in range(2):
        store.shelf.roll_back(name, "bob")
    assert store.shelf.model(name).aliases == {"champion": "1"}


def test_a_promotion_after_a_rollback_is_taken_back_to_where_it_began(store: Store, name: str) -> None:
    for _ in range(3):
        store.register(name)
    store.shelf.promote(version(name, "1"), "ada")
    store.shelf.promote(version(name, "2"), "ada")
    store.shelf.roll_back(name, "bob")
    store.shelf.promote(version(name, "3"), "ada")
    assert store.shelf.roll_back(name, "bob").version == "1"


def test_the_first_promotion_cannot_be_rolled_back(store: Store, name: str) -> None:
    store.register(name)
    store.shelf.promote(version(name, "1"), "ada")
    with pytest.raises(RegistryError, match="none was before"):
        store.shelf.roll_back(name, "ada")


def test_an_alias_that_others_have_moved_is_not_rolled_back(store: Store, name: str) -> None:
    store.register(name)
    store.register(name)
    store.shelf.promote(version(name, "1"), "ada")
    store.client.set_registered_model_alias(name, "champion", "2")
    with pytest.raises(RegistryError, match="which Labline has not promoted"):
        store.shelf.roll_back(name, "ada")


def test_of_two_that_promote_at_once_each_has_the_other_before_or_after(store: Store, name: str) -> None:
    for _ in range(4):
        store.register(name)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.shelf.promote(version(name, number), "ada"), "1234"))
    moves = store.shelf.model(name).history[::-1]
    assert [move.previous for move in moves] == [None, *(move.version for move in moves[:-1])]


def test_what_others_wrote_into_our_tags_is_passed_over(store: Store, name: str) -> None:
    store.register(name)
    store.client.set_registered_model_tag(name, "labline.move.1", "[1]")
    store.client.set_model_version_tag(name, "1", "labline.approval.1", '{"who": "eve"}')
    model = store.shelf.model(name)
    assert (model.history, model.versions[0].approvals) == ((), ())


def test_an_alias_that_is_none_is_refused(store: Store, name: str) -> None:
    store.register(name)
    with pytest.raises(RegistryError, match="names no model"):
        store.shelf.promote(ModelReference(name, version="1"), "ada", "a/b")
