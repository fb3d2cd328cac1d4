"""What all tests share.

None of them may read or change what past runs on this machine have taught. Where CI is set, generated examples are the
same on every run, so that a change is judged by what it changes; elsewhere new ones are looked for each time.
"""

import os

import pytest
from hypothesis import settings

os.environ["MODELWRIGHT_MEMORY"] = "off"
os.environ.pop("MODELWRIGHT_LLM", None)

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def ray_cluster():
    """A cluster whose head performs no steps; tests add machines and take them away. It asks for a token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")  # before Ray is imported
        patch.setenv("RAY_AUTH_TOKEN", "a-token-of-the-tests")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 << 20},
        )
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        add = cluster.add_node

        def patiently(**about):
            """Ray gives a machine half a minute to start, which isn't enough where others use the processors."""
            try:
                return add(**about)
            except Exception as error:
                if "timed out during startup" not in str(error):
                    raise
                return add(**about)

        cluster.add_node = patiently
        yield cluster
        ray.shutdown()
        cluster.shutdown()
