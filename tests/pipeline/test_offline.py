import socket
import subprocess
import sys

import pytest

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)"


def test_a_whole_run_needs_no_network_once_cmsis_dsp_is_in_the_cache(demo_run):
    """The demo's run was one in a namespace from which not even this machine can be reached."""
    root, ended = demo_run
    if not ended.args:
        pytest.skip("no network namespace can be made here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = [sys.executable, "-c", CONNECT, *map(str, server.getsockname())]
        assert subprocess.run(connect).returncode == 0
        inside = subprocess.run([*ended.args, *connect], capture_output=True, text=True)
    assert inside.returncode == 1 and "Network is unreachable" in inside.stderr
    assert (root / "firmware" / "ser_firmware.zip").exists() and (root / "report" / "index.html").exists()
