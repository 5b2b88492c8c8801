"""The unit tests that stand beside the models, run on a real PostgreSQL."""

from motcua import settings
from motcua.landing import reference
from motcua.warehouse import dbt


def test_every_unit_test_of_the_models_passes(warehouse: str) -> None:
    sha256, _ = reference.store(settings.reference())
    variables = {"reference_sha256": sha256}
    dbt.run(["build", "--exclude-resource-type", "unit_test"], variables)
    results = dbt.run(["test", "--select", "test_type:unit"], variables)
    assert len(results) >= 6
    assert {result["status"] for result in results} == {"pass"}
