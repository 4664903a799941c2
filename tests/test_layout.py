import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotasks.layout import Layout, View

names = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=4), st.integers(1, 5), min_size=1, max_size=6
)


@given(names, st.integers(0, 3))
def test_pack_inverts_view(widths, rows):
    layout = Layout(widths)
    flat = np.random.default_rng(0).normal(size=(rows, layout.size))
    view = layout.view(flat)
    assert np.array_equal(layout.pack({name: getattr(view, name) for name in layout}), flat)


def test_a_field_of_width_one_is_a_scalar():
    view = Layout({"pos": 3, "time": 1}).view(np.arange(8.0).reshape(2, 4))
    assert view.pos.shape == (2, 3)
    assert view.time.tolist() == [3.0, 7.0]


def test_a_view_stays_live():
    flat = np.zeros((2, 3))
    view = Layout({"pos": 3}).view(flat)
    assert view.pos[0, 0] == 0
    flat[0, 0] = 5
    assert view.pos[0, 0] == 5


def test_the_union_keeps_order_and_refuses_two_widths():
    assert list(Layout({"a": 1, "b": 2}) | Layout({"b": 2, "c": 3})) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="'b' has width 2"):
        Layout({"b": 2}) | Layout({"b": 3})


def test_errors_name_what_exists():
    layout = Layout({"tcp_pos": 3})
    with pytest.raises(AttributeError, match=r"'tcp_poss'. Did you mean tcp_pos\? Known: tcp_pos"):
        _ = View((layout, np.zeros(3))).tcp_poss
    with pytest.raises(ValueError, match="expected 3 columns"):
        layout.view(np.zeros(4))
    with pytest.raises(ValueError, match="expected the fields tcp_pos; got none"):
        layout.pack({})
