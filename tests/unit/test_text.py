from dz.text import printable


def test_what_could_steer_a_terminal_is_dropped_and_lines_stay():
    assert printable("a\x1b[31mb\x00\x07\x7f\x9bc\td\r\nä") == "a[31mbc\td\nä"
