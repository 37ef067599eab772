import pytest

from mlipsse.report.page.text import cell_html, sort_value, text_html, with_error


@pytest.mark.parametrize(
    ("value", "std", "text"),
    [
        (0.31234, 0.0213, "0.312 ± 0.021"),
        (526.4, 45.0, "526 ± 45"),
        (1234.0, 450.0, "1234 ± 450"),
        (0.33333, None, "0.333"),
        (None, None, None),
        (None, 0.1, None),
        (2.0, 0.0, "2"),
    ],
)
def test_values_with_errors(value, std, text):
    assert with_error(value, std) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0.312 ± 0.021", 0.312),
        ("-0.5 ± 2.0", -0.5),
        ("6,672", 6672.0),
        ("7.42e+20", 7.42e20),
        ("+6.3", 6.3),
        (".27", 0.27),
        ("38.0 (28.7)", 38.0),
        (7, 7.0),
        (0.25, 0.25),
        ("650 to 900", None),
        ("Li3InCl6", None),
        ("1x1x1", None),
        ("–", None),
        (None, None),
        (True, None),
    ],
)
def test_what_a_cell_sorts_by(value, number):
    assert sort_value(value) == number


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("LiCl", "LiCl"),
        ("Li3N", '<span class="formula">Li<sub>3</sub>N</span>'),
        ("T0800", "T0800"),  # T is no element
        ("CP2K", "CP2K"),
        ("P1", "P1"),  # a space group
        ("Li3InCl6-1x1x1-o002", "Li3InCl6-1x1x1-o002"),
        ("a < b", "a &lt; b"),
        (None, "–"),
    ],
)
def test_formulas_are_distinguished_from_names(text, html):
    assert cell_html(text) == html


def test_formulas_within_a_sentence():
    stated = text_html("Of Li3N, <most> (Na0.5Cl0.5).")
    assert stated == (
        'Of <span class="formula">Li<sub>3</sub>N</span>, &lt;most&gt; '
        '(<span class="formula">Na<sub>0.5</sub>Cl<sub>0.5</sub></span>).'
    )
