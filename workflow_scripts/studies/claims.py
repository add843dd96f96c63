"""Finding the functions that judge a study's claims, and judging."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.found import claim_modules
from workflow_scripts.studies.verdict import UNTESTED, CannotTestError, Verdict

Judge = Callable[[Evidence], Verdict]


def find_judges(study: str, claims: list[str]) -> dict[str, Judge]:
    """Return the function of each claim: it is called as the claim's id is, without ``c.``, and says that it returns a Verdict.

    Raises:
        AtlasError: a claim has no function.
    """
    modules = [importlib.import_module(f"workflow_scripts.{name}") for name in claim_modules(study)]
    known = {
        name: function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if function.__annotations__.get("return") in (Verdict, "Verdict")  # what else is there helps
    }
    for claim in claims:
        name = claim.removeprefix("c.")
        if name not in known:
            ids = [f"c.{one}" for one in known]
            expected = f"expected `def {name}(evidence: Evidence) -> Verdict` in its claims"
            raise AtlasError(f"study '{study}': no function judges claim '{claim}' ({expected}){nearest(claim, ids)}")
    return {claim: known[claim.removeprefix("c.")] for claim in claims}


def judge(function: Judge, evidence: Evidence) -> Verdict:
    """Return the verdict; what the run lacks for the claim makes it one that cannot be tested."""
    try:
        return function(evidence)
    except CannotTestError as missing:
        return Verdict(UNTESTED, f"{str(missing)[0].upper()}{str(missing)[1:]}.")
