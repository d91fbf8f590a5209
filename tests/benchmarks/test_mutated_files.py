import os
import signal

import mutated_files
import pytest

TOLD = {"result", "message", "crash, told"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return mutated_files.make_files(tmp_path_factory.mktemp("whole"))


# Of the MP3 file 660, libsndfile says that more has been read than there is.
@pytest.mark.parametrize(("kind", "numbers"), [("wav", range(20)), ("mp3", [*range(20), 660]), ("json", range(20))])
def test_a_changed_file_is_read_or_told(made, kind, numbers, tmp_path):
    content, opens = made[kind]
    for number in numbers:
        path = tmp_path / f"changed.{kind}"
        path.write_bytes(mutated_files.change(content, kind, number))
        assert mutated_files.open_in_a_process(opens, str(path)) in TOLD, number


def test_the_campaign_sees_what_is_no_message():
    def be_killed(path):
        os.kill(os.getpid(), signal.SIGKILL)

    assert mutated_files.open_in_a_process(lambda path: 1 / 0, "").startswith("ZeroDivisionError")
    assert mutated_files.open_in_a_process(be_killed, "") == "crash: -9"
