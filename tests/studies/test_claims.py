"""Claims are judged by the functions that are called as they are, of a study's own claims alone."""

import sys
import types

import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.studies import claims
from workflow_scripts.studies.claims import find_judges, judge
from workflow_scripts.studies.found import FOLDER, find_study, study_names
from workflow_scripts.studies.verdict import UNTESTED, CannotTestError

SOURCE = """
from __future__ import annotations
from workflow_scripts.studies.evidence import listed
from workflow_scripts.studies.verdict import Verdict, decide

LIMIT = 3

def rises(evidence: Evidence) -> Verdict:
    return Verdict("holds", f"because of {evidence}")

def mean_score(evidence: Evidence, model: str) -> float:
    return 1.0

def _hidden(evidence: Evidence) -> Verdict:
    return Verdict("holds", "")

class Helper:
    pass
"""


@pytest.fixture
def room(monkeypatch):
    """A made-up study with one module of claims."""
    module = types.ModuleType("workflow_scripts.made_up_claims")
    exec(SOURCE, module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(claims, "claim_modules", lambda study: ["made_up_claims"])


def test_a_claim_is_judged_by_the_function_that_is_called_as_it_is(room):
    judges = find_judges("made", ["c.rises"])
    assert list(judges) == ["c.rises"]
    assert judge(judges["c.rises"], "this").reason == "because of this"


def test_a_claim_without_a_function_is_named_with_the_nearest(room):
    with pytest.raises(AtlasError) as caught:
        find_judges("made", ["c.rises", "c.rise"])
    assert str(caught.value) == (
        "study 'made': no function judges claim 'c.rise' (expected `def rise(evidence: Evidence) -> Verdict` in its claims); "
        "did you mean 'c.rises'?"
    )


@pytest.mark.parametrize("name", ["mean_score", "_hidden", "decide", "listed", "Verdict", "Helper", "LIMIT"])
def test_what_only_helps_is_no_claim(room, name):
    with pytest.raises(AtlasError, match=f"no function judges claim 'c.{name}'"):
        find_judges("made", [f"c.{name}"])


def test_what_only_helps_is_not_suggested(room):
    with pytest.raises(AtlasError) as caught:
        find_judges("made", ["c.mean_scor"])
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", ["heads", "attention_maps", "last_layer_cka", "ridge_contrasts", "head_correlation"])
def test_helpers_of_a_folder_of_claims_are_no_claims(name):
    with pytest.raises(AtlasError, match=f"no function judges claim 'c.{name}'"):
        find_judges("thesis", [f"c.{name}"])


def test_what_a_run_lacks_makes_a_claim_untested():
    def needs(evidence):
        raise CannotTestError("needs two models; this run has one")

    verdict = judge(needs, None)
    assert (verdict.outcome, verdict.reason, verdict.numbers) == (UNTESTED, "Needs two models; this run has one.", ())


@pytest.mark.parametrize("name", study_names())
def test_a_study_without_claims_has_no_module_of_them(name):
    folder = FOLDER / name
    assert bool(find_study(name).claims) == ((folder / "claims").is_dir() or (folder / "claims.py").is_file())
