"""What all tests share.

None of them may read or change what past runs on this machine have taught. Where CI is set, generated examples are the
same on every run, so that a change is judged by what it changes; elsewhere new ones are looked for each time.
"""

import os
import socket
from contextlib import ExitStack

import pytest
from hypothesis import settings

os.environ["MODELWRIGHT_MEMORY"] = "off"
os.environ.pop("MODELWRIGHT_LLM", None)

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


AGENTS = ("metrics_agent_port", "metrics_export_port", "runtime_env_agent_port", "dashboard_agent_listen_port")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="session")
def ray_cluster():
    """A cluster whose head performs no steps; tests add machines and take them away. It asks for a token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")  # before Ray is imported
        patch.setenv("RAY_AUTH_TOKEN", "a-token-of-the-tests")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_agent_register_timeout_ms", "300000")
        patch.setenv("RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S", "300")
        patch.setenv("GRPC_ENABLE_FORK_SUPPORT", "0")  # else clients' servers die now and then: ray-project/ray#63202
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster()
        add = cluster.add_node

        def patient(**about):
            """Ray gives a machine half a minute to start, and its helpers as long to choose their ports."""
            for attempt in range(4):
                ports = dict(zip(AGENTS, free_ports(len(AGENTS)), strict=True))
                try:
                    return add(include_dashboard=False, object_store_memory=100 << 20, **ports, **about)
                except Exception as error:
                    if attempt == 3 or "timed out during startup" not in str(error):
                        raise
            return None

        cluster.add_node = patient
        (cluster.client_port,) = free_ports(1)
        cluster.add_node(num_cpus=0, ray_client_server_port=cluster.client_port)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
        ray.shutdown()
        cluster.shutdown()
