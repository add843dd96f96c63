"""Images as users have them: every kind is read right or refused by name."""

import io
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.formats.damage import damaged, refusal
from workflow_scripts.data.images import ORIENTATION, BadImageError, read_rgb, read_size, upright
from workflow_scripts.data.readers.files import read_index_map

COLOUR = (200, 40, 90)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tif", "ppm"])
def test_rgb_in_every_format(tmp_path, suffix):
    Image.new("RGB", (8, 6), COLOUR).save(tmp_path / f"a.{suffix}")
    image = read_rgb(tmp_path / f"a.{suffix}")
    assert image.mode == "RGB"
    assert image.size == (8, 6)
    assert np.abs(np.asarray(image, int)[3, 3] - COLOUR).max() <= 6


def test_cmyk(tmp_path):
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red, green, blue = read_rgb(tmp_path / "a.jpg").getpixel((1, 1))
    assert red > 240
    assert green < 15
    assert blue < 15


def test_grayscale_and_palette_and_alpha(tmp_path):
    Image.new("L", (4, 4), 77).save(tmp_path / "l.png")
    Image.new("RGB", (4, 4), COLOUR).quantize(4).save(tmp_path / "p.png")
    Image.new("RGBA", (4, 4), (*COLOUR, 128)).save(tmp_path / "a.png")
    assert read_rgb(tmp_path / "l.png").getpixel((0, 0)) == (77, 77, 77)
    assert read_rgb(tmp_path / "p.png").getpixel((0, 0)) == COLOUR
    assert read_rgb(tmp_path / "a.png").getpixel((0, 0)) == COLOUR


def test_16_bit_is_scaled_and_not_clipped(tmp_path):
    ramp = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    assert np.asarray(read_rgb(tmp_path / "a.png"))[0, :, 0].tolist() == [0, 100, 255]


def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1), COLOUR).save(tmp_path / "a.png")
    assert read_rgb(tmp_path / "a.png").size == (1, 1)


def test_float_pixels_are_refused_by_name(tmp_path):
    Image.fromarray(np.ones((3, 3), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(BadImageError, match=r"a\.tif: F pixels have no fixed white"):
        read_rgb(tmp_path / "a.tif")


def jpeg():
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


def png():
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("content", [jpeg(), png()], ids=["jpeg", "png"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_truncated(tmp_path, content, share):
    (tmp_path / "cut.jpg").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadImageError, match=r"cut\.jpg: cannot be decoded .*replace it or remove it"):
        read_rgb(tmp_path / "cut.jpg")


def test_zero_bytes_missing_and_not_an_image(tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "page.jpg").write_text("<html>Please log in</html>")
    with pytest.raises(BadImageError, match=r"empty\.jpg: the image file is empty"):
        read_rgb(tmp_path / "empty.jpg")
    with pytest.raises(BadImageError, match=r"page\.jpg: cannot be decoded \(not an image file \(JPEG, PNG"):
        read_rgb(tmp_path / "page.jpg")
    with pytest.raises(BadImageError, match=r"none\.jpg: the image file does not exist"):
        read_rgb(tmp_path / "none.jpg")


def test_a_damaged_chunk_does_not_pass(tmp_path):
    content = bytearray(png())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(bytes(content))
    with pytest.raises(BadImageError, match=r"a\.png"):
        read_rgb(tmp_path / "a.png")


def header_says(content, width, height):
    """Return a JPEG whose start of frame says another size."""
    start = content.index(b"\xff\xc0")
    return content[: start + 5] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + content[start + 9 :]


def test_a_jpeg_whose_header_says_more_than_it_holds(tmp_path):
    (tmp_path / "a.jpg").write_bytes(header_says(jpeg(), 13000, 13000))
    with pytest.raises(
        BadImageError, match=r"a\.jpg: its header says 13000 x 13000 pixels, far more than its \d+ bytes can hold"
    ):
        read_rgb(tmp_path / "a.jpg")
    Image.new("L", (4000, 4000)).save(tmp_path / "plain.jpg", optimize=True)  # as small as a JPEG of its size can be
    assert read_rgb(tmp_path / "plain.jpg").size == (4000, 4000)
    Image.new("L", (4000, 4000)).save(tmp_path / "plain.jpg", optimize=True, progressive=True)
    assert read_rgb(tmp_path / "plain.jpg").size == (4000, 4000)


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO", "TGA", "PCX", "SGI"])
def test_other_formats_of_pil_are_not_read_under_a_suffix_of_ours(tmp_path, kind, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # an EPS would be given to a program of this name
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "gs").chmod(0o755)
    Image.new("RGB", (32, 32), COLOUR).save(tmp_path / "a.jpg", kind)
    with pytest.raises(BadImageError, match=r"a\.jpg: cannot be decoded \(not an image file \(JPEG, PNG, BMP,"):
        read_rgb(tmp_path / "a.jpg")
    assert not (tmp_path / "ran").exists()


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    for name in ("folder", "pipe"):
        with pytest.raises(BadImageError, match=rf"{name}\.jpg: not a file, but a folder or a device"):
            read_rgb(tmp_path / f"{name}.jpg")
    with pytest.raises(BadImageError, match=r"self\.jpg: cannot be decoded"):
        read_rgb(tmp_path / "self.jpg")
    with pytest.raises(BadImageError, match="cannot be decoded"):
        read_rgb(tmp_path / "a\0b.jpg")


@pytest.mark.parametrize("turn", range(1, 9))
def test_upright_as_pil_turns_it(tmp_path, turn):
    image = Image.fromarray(np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3))
    save_turned(image, tmp_path / "a.png", turn)
    stored = read_rgb(tmp_path / "a.png")
    assert stored.tobytes() == image.tobytes()
    assert stored.info[ORIENTATION] == turn
    with Image.open(tmp_path / "a.png") as opened:
        right = ImageOps.exif_transpose(opened)
    assert upright(stored).size == right.size
    assert upright(stored).tobytes() == right.tobytes()


@pytest.mark.parametrize("turn", [0, 9, 65535])
def test_an_orientation_that_is_none_is_as_stored(tmp_path, turn):
    save_turned(Image.new("RGB", (4, 3)), tmp_path / "a.png", turn)
    assert read_rgb(tmp_path / "a.png").info[ORIENTATION] == 1


def save_turned(image, path, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    image.save(path, exif=exif)


def test_damaged_exif_does_not_cost_the_picture(tmp_path):
    Image.new("RGB", (4, 3), COLOUR).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\xff")
    assert upright(read_rgb(tmp_path / "a.png")).size == (4, 3)


def test_the_size_from_the_head_is_that_of_the_pixels(tmp_path):
    for name in ("a.jpg", "a.png", "a.tif"):
        save_turned(Image.new("RGB", (8, 6)), tmp_path / name, 6)
        assert read_size(tmp_path / name) == read_rgb(tmp_path / name).size[::-1]
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    with pytest.raises(BadImageError, match=r"a\.tif: cannot be decoded"):
        read_size(tmp_path / "a.tif")


def test_label_maps(tmp_path, monkeypatch):
    Image.new("L", (40, 30), 7).save(tmp_path / "a.png")
    assert read_index_map(tmp_path / "a.png").shape == (30, 40)
    Image.new("RGB", (4, 3)).save(tmp_path / "rgb.png")
    with pytest.raises(BadImageError, match=r"rgb\.png: expected a label map with one 8-bit channel, found RGB"):
        read_index_map(tmp_path / "rgb.png")
    with pytest.raises(BadImageError, match=r"none\.png: the image file does not exist"):
        read_index_map(tmp_path / "none.png")
    Image.new("L", (40, 30), 7).save(tmp_path / "gif.png", "GIF")
    with pytest.raises(BadImageError, match=r"gif\.png: cannot be decoded \(not an image file \(PNG\)\)"):
        read_index_map(tmp_path / "gif.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(BadImageError, match=r"a\.png: cannot be decoded .*1200 pixels"):
        read_index_map(tmp_path / "a.png")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "PPM"]), st.data())
def test_damaged_files_are_read_or_named(tmp_path, kind, data):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 12, 3), dtype=np.uint8)).save(buffer, kind)
    (tmp_path / "a.jpg").write_bytes(damaged(buffer.getvalue(), data))
    message = refusal(lambda: read_rgb(tmp_path / "a.jpg").mode)
    assert message == "" or message.startswith(f"{tmp_path / 'a.jpg'}: ")
