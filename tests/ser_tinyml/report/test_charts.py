import xml.etree.ElementTree

from ser_tinyml.report.charts import draw_lines

SVG = "{http://www.w3.org/2000/svg}"


def draw(**changes) -> xml.etree.ElementTree.Element:
    options = {"title": "A & B", "x_label": "<level>", "y_label": "share", "x_ticks": {-20: "20", 0: "0"}}
    text = str(draw_lines({"white": [(-20, 1.0), (0, 0.5)], "hum": [(-20, 0.25)]}, **(options | changes)))
    return xml.etree.ElementTree.fromstring(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def test_a_screen_reader_gets_the_numbers():
    assert draw().find(f"{SVG}title").text == "A & B. white: 1.00 at -20, 0.50 at 0; hum: 0.25 at -20."


def test_points_lie_where_their_values_are():
    lines = [line.get("points") for line in draw().iter(f"{SVG}polyline")]
    (first, second), (third,) = ([tuple(map(float, pair.split(","))) for pair in line.split()] for line in lines)
    assert first[0] == third[0] < second[0] and first[1] < second[1] < third[1]
    top = min(float(line.get("y1")) for line in draw().iter(f"{SVG}line"))
    assert first[1] == top


def test_a_line_of_reference_has_no_marks():
    marks = [len([*draw(dashed=name).iter(f"{SVG}circle")]) for name in ("", "white")]
    assert marks == [3, 1]  # two points and the legend, the legend alone


def test_points_of_no_order_are_not_joined():
    assert len([*draw(unjoined="white").iter(f"{SVG}polyline")]) == 1
    assert len([*draw(unjoined="white").iter(f"{SVG}circle")]) == 3
