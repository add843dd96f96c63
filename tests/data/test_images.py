"""Images as users have them: every kind is read right or refused by name."""

import io

import numpy as np
import pytest
from PIL import Image

from workflow_scripts.data.images import BadImageError, read_rgb

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
