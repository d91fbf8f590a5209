import re

from ser_tinyml.codegen.cost import Cost
from ser_tinyml.judging.trials import Budget, Trial
from ser_tinyml.report.tuning import HEAD, Tuning, render_html, render_markdown


def make_tuning() -> Tuning:
    costs = [
        Cost(0, 0, flash, 0, instructions_frontend=n, instructions_engine=n)
        for flash, n in ((40960, 2_000_000), (102400, 4_000_000))
    ]
    flags = {"lstm_units": "32", "center": True}
    cheap, best = (Trial(n, {}, flags, cost, "", (0.5 + n / 4,)) for n, cost in enumerate(costs))
    over = Trial(2, {}, flags, costs[1], "200 KB <&> of flash", ())
    return Tuning(
        (cheap, best, over),
        front=((cheap, 0.45), (best, 0.55)),
        best=best,
        budget=Budget(150 * 1024, 400.0),
        folds=3,
        flags="--lstm_units=32\n",
        flag_file="ROOT/tune/best.flags",
    )


def test_the_table_has_the_front_with_both_figures_and_marks_the_chosen():
    lines = render_markdown(make_tuning()).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[0] == HEAD and {len(row) for row in rows} == {len(HEAD)}
    assert rows[2] == ["0", "0.500", "0.450", "4,000,000", "94", "40.0", "`--lstm_units=32 --center=true`"]
    assert rows[3][:3] == ["1 (chosen)", "0.750", "0.550"]


def test_both_reports_say_that_choosing_flatters_and_how_to_go_on():
    for text in (render_markdown(make_tuning()), render_html(make_tuning())):
        text = " ".join(text.split())
        assert "the best of 2 looks better on them than it is" in text
        assert "ser-tinyml run --flagfile=ROOT/tune/best.flags" in text
        assert "1 were beyond the budget of 150 KB of flash and 400 ms" in text


def test_the_page_draws_every_trained_trial_and_escapes_reasons():
    page = render_html(make_tuning())
    assert "200 KB &lt;&amp;&gt; of flash" in page
    titles = re.findall(r"<svg [^>]*><title>([^<]*)", page)
    assert titles == [
        "Validation UAR against million instructions a decision. trials: 0.50 at 4, 0.75 at 8; front: 0.50 at 4, 0.75 at 8.",
        "Validation UAR against KB of flash. trials: 0.50 at 40, 0.75 at 100; front: 0.50 at 40, 0.75 at 100.",
    ]
