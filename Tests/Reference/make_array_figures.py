"""Makes Tests/Fixtures/figures/arrays.json: small NumPy files, archives and images, byte by byte in hexadecimal, with
the values that NumPy and Pillow read from them.

    python make_array_figures.py

Run with numpy 2.4.6, Pillow 13.0.0 (Python 3.11 or newer). Interlaced and 16-bit PNG, zip64 directories and the
archive that Casemate's writer must give are put together here by their specifications; NumPy or Pillow reads each one
back before it is written.
"""

import io
import struct
import zipfile
import zlib

import numpy as np
import PIL
from PIL import Image

from common import FIXTURES, versions, write


class Stream(io.RawIOBase):
    """A place to write to that cannot go back, as a pipe is: zip members then end in data descriptors."""

    def __init__(self):
        self.parts = []

    def writable(self):
        return True

    def write(self, block):
        self.parts.append(bytes(block))
        return len(block)


def saved(array, version=None, pickle=False):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version, allow_pickle=pickle)
    return out.getvalue()


def by_hand(header, data):
    header = header.encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def npy():
    rng = np.random.default_rng(7)
    base = rng.integers(0, 100, (3, 2, 4))
    entries = []

    def add(name, content, array):
        back = np.load(io.BytesIO(content))
        assert back.shape == array.shape and (back == array).all()
        entries.append({
            "name": name, "hex": content.hex(), "shape": list(array.shape), "element": array.dtype.name,
            "values": [float(v) for v in array.astype(np.float32).ravel()],
        })

    for code in ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]:
        for order in "<>" if np.dtype(code).itemsize > 1 else "|":
            array = (base - (50 if code[0] in "if" else 0)).astype(order + code)
            if code[0] == "f":
                array = (array / 7).astype(order + code)
            add(order + code, saved(array), array)
            add(order + code + " fortran", saved(np.asfortranarray(array)), array)
    add("version 2", saved(base.astype("<f4"), (2, 0)), base.astype("<f4"))
    add("version 3", saved(base.astype("<f4"), (3, 0)), base.astype("<f4"))
    add("one axis", saved(np.arange(5, dtype="<i4")), np.arange(5, dtype="<i4"))
    flat = np.arange(6, dtype="<i2").reshape(2, 3)
    add("python 2", by_hand('{"descr": "<i2", "fortran_order": False, "shape": (2L, 3L)}', flat.tobytes()), flat)
    halves = np.array([0, -0.0, 1, -2.5, 65504, 6e-8, 6.104e-5, np.inf, -np.inf], dtype="<f2")
    add("special halves", saved(halves), halves)
    return entries


def refused():
    made = {
        "object": saved(np.array([{"a": 1}, None], dtype=object), pickle=True),
        "complex": saved(np.zeros((2, 2), "<c8")), "date": saved(np.zeros((2, 2), "<M8[s]")),
        "record": saved(np.zeros(3, dtype=[("a", "<f4"), ("b", "<i4")])), "void": saved(np.zeros((2, 2), "V2")),
        "longdouble": by_hand("{'descr': '<f16', 'fortran_order': False, 'shape': (1, 1), }", bytes(16)),
    }
    return [{"name": name, "hex": content.hex()} for name, content in made.items()]


def raw_zip(members, wide):
    """A zip of stored members by the specification; with `wide`, directory and sizes are zip64."""
    file, directory = b"", b""
    for name, content in members:
        crc, size, offset = zlib.crc32(content), len(content), len(file)
        small = 0xFFFFFFFF if wide else size
        extra = struct.pack("<HHQQ", 1, 16, size, size) if wide else b""
        version, lengths = 45 if wide else 20, (len(name), len(extra))
        common = struct.pack("<HHHHHIIIHH", version, 0x800, 0, 0, 0x21, crc, small, small, *lengths)
        file += struct.pack("<I", 0x04034B50) + common + name + extra + content
        if wide:
            extra = struct.pack("<HHQQQ", 1, 24, size, size, offset)
        common = common[:-2] + struct.pack("<H", len(extra))
        place = 0xFFFFFFFF if wide else offset
        directory += struct.pack("<IH", 0x02014B50, 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, place)
        directory += name + extra
    start, size, count = len(file), len(directory), len(members)
    file += directory
    if wide:
        end = len(file)
        file += struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, start)
        file += struct.pack("<IIQI", 0x07064B50, 0, end, 1)
        return file + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return file + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, start, 0)


def npz():
    rng = np.random.default_rng(8)
    images = rng.integers(0, 256, (6, 4, 4, 3)).astype(np.uint8)
    labels = np.array([0, 1, 2, 1, 0, 2], dtype=np.int64)
    entries = []

    def add(name, content, samples="images"):
        back = np.load(io.BytesIO(content))
        assert (back[samples] == images).all()
        entries.append({"name": name, "hex": content.hex()})

    def archive(save, **arrays):
        out = io.BytesIO()
        save(out, **arrays)
        return out.getvalue()

    add("stored", archive(np.savez, images=images, labels=labels))
    add("deflated", archive(np.savez_compressed, images=images, labels=labels))
    add("one hot", archive(np.savez_compressed, images=images, labels=np.eye(3)[labels]))
    add("other names", archive(np.savez, pictures=images, person=labels.astype(np.uint8)), "pictures")
    parts = {"x_train": images[:2], "y_train": labels[:2], "x_test": images, "y_test": labels.astype(">i4")}
    add("parts", archive(np.savez_compressed, **parts), "x_test")
    out = io.BytesIO()
    np.savez(out, images, labels)
    add("by position", out.getvalue(), "arr_0")
    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, array in [("images", images), ("labels", labels)]:
            # A member of its own, because the plain name would take the time of day.
            pack.writestr(zipfile.ZipInfo(name + ".npy"), saved(array), zipfile.ZIP_DEFLATED)
    add("data descriptors", b"".join(stream.parts))
    members = [(b"images.npy", saved(images)), (b"labels.npy", saved(labels))]
    add("zip64", raw_zip(members, True))
    names = np.array(["cat", "dog", "häschen", "dog", "cat", "häschen"])
    add("text labels", archive(np.savez_compressed, images=images, labels=names))
    names = np.array([b"cat", b"dog", b"eel", b"dog", b"cat", b"eel"])
    add("bytes as labels", archive(np.savez_compressed, images=images, labels=names))
    return {"values": images.ravel().tolist(), "labels": labels.tolist(), "files": entries}


def writer():
    """The archive that the writer must give for these arrays: NumPy must read it."""
    x = np.array([[0.5, -1.25, 3e-8], [1e30, 0, 255]], dtype="<f4")
    y = np.array([3, -1], dtype="<i8")

    def plain(array, descr, shape):
        return by_hand(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}", array.tobytes())

    content = raw_zip([(b"x.npy", plain(x, "<f4", "2, 3,")), (b"y.npy", plain(y, "<i8", "2,"))], False)
    back = np.load(io.BytesIO(content))
    assert (back["x"] == x).all() and back["x"].dtype == x.dtype and (back["y"] == y).all()
    return {"hex": content.hex(), "x": [float(v) for v in x.ravel()], "y": y.tolist()}


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(rows, width, height, depth, colour, interlace=0, extra=b""):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    parts = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def interlaced(pixels):
    """Adam7, each pass without filters."""
    rows = b""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    for x, y, dx, dy in passes:
        for row in pixels[y::dy]:
            part = row[x::dx]
            if part.size:
                rows += b"\0" + part.tobytes()
    return rows


def images():
    rng = np.random.default_rng(9)
    height, width = 11, 13
    colour = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    slopes = [(9, 7), (3, 11), (12, 2)]
    smooth = np.stack([np.add.outer(np.arange(height) * a, np.arange(width) * b) for a, b in slopes], -1)
    smooth = smooth.astype(np.uint8)
    entries = []

    def add(name, content, expected, note=""):
        expected = np.asarray(expected)
        shape = list(expected.shape) + ([1] if expected.ndim == 2 else [])
        entries.append({
            "name": name, "hex": content.hex(), "shape": shape, "values": expected.ravel().tolist(), "note": note})

    def written(image, **options):
        out = io.BytesIO()
        image.save(out, **options)
        return out.getvalue()

    def seen(content, mode):
        return np.array(Image.open(io.BytesIO(content)).convert(mode))

    grey = colour[:, :, 0]
    add("rgb.png", written(Image.fromarray(colour), format="PNG"), colour)
    add("grey.png", written(Image.fromarray(grey), format="PNG"), grey)
    alpha = np.dstack([colour, grey])
    add("rgba.png", written(Image.fromarray(alpha, "RGBA"), format="PNG"), colour, "alpha")
    add("grey_alpha.png", written(Image.fromarray(alpha[:, :, 2:], "LA"), format="PNG"), alpha[:, :, 2], "alpha")
    palette = Image.fromarray(smooth).quantize(16)
    content = written(palette, format="PNG")
    add("palette.png", content, seen(content, "RGB"))
    content = written(palette, format="PNG", transparency=3)
    add("palette_alpha.png", content, np.array(palette.convert("RGB")), "alpha")
    content = written(Image.fromarray(grey > 128), format="PNG")
    add("one_bit.png", content, seen(content, "L"))
    content = png(interlaced(colour), width, height, 8, 2, 1)
    assert (seen(content, "RGB") == colour).all()
    add("interlaced.png", content, colour)
    deep = grey.astype(np.uint32) * 257
    content = png(b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep), width, height, 16, 0)
    assert (np.array(Image.open(io.BytesIO(content))) == deep).all()
    add("deep.png", content, grey, "16 bits")
    content = png(
        b"".join(b"\0" + row.tobytes() for row in colour), width, height, 8, 2,
        extra=chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"tEXt", b"Comment\0nothing"))
    assert (seen(content, "RGB") == colour).all()
    add("gamma.png", content, colour)
    for name, options in [
        ("plain.jpg", {"quality": 90}), ("progressive.jpg", {"quality": 80, "progressive": True}),
        ("full.jpg", {"quality": 95, "subsampling": 0}),
    ]:
        content = written(Image.fromarray(smooth), format="JPEG", **options)
        add(name, content, seen(content, "RGB"), "jpeg")
    content = written(Image.fromarray(smooth[:, :, 0]), format="JPEG")
    add("grey.jpg", content, seen(content, "L"), "jpeg")
    cmyk = written(Image.fromarray(smooth).convert("CMYK"), format="JPEG")
    return {"files": entries, "cmyk": cmyk.hex()}


if __name__ == "__main__":
    write(FIXTURES / "figures/arrays.json", {
        "made_by": "make_array_figures.py", "versions": {**versions("numpy"), "Pillow": PIL.__version__},
        "npy": npy(), "refused": refused(), "npz": npz(), "writer": writer(), "images": images(),
    })
