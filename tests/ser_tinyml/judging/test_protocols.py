from ser_tinyml.judging.protocols import PROTOCOLS


def test_figures_are_honest_where_training_never_heard_the_speakers_and_nowhere_else():
    assert [name for name, protocol in PROTOCOLS.items() if protocol.is_honest] == ["disjoint_speakers"]
