"""Reads SLEAP packages: the golden one was written by sleap-io 0.9.5, the others are variations of it.

It has three videos (the second without labels), 40 x 48 pixels with one bright pixel each, and four frames:

    video 0, frame 4   two user instances
    video 0, frame 1   no body
    video 2, frame 3   a predicted instance, then a user's without tail
    video 2, frame 5   a predicted instance only
"""

import io
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from sleap_rtc.worker.reference_trainer.errors import NoEmbeddedFrames, NoLabels, PackageUnreadable
from sleap_rtc.worker.reference_trainer.slp_package import labelled_frames, read_skeleton

GOLDEN = Path(__file__).parent / "golden" / "tiny.pkg.slp"
USER_FRAMES = [(0, 4), (0, 1), (2, 3)]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return Path(shutil.copy(GOLDEN, tmp_path / "tiny.pkg.slp"))


def found(path: Path, *, user_instances_only: bool = True) -> dict[tuple[int, int], Any]:
    """Points and image per (video, frame), in order."""
    frames = labelled_frames(path, user_instances_only=user_instances_only)
    return {(frame.video, frame.frame_index): (frame.points, frame.image) for frame in frames}


def replace_images(path: Path, *, dtype: Any, image_format: str, rows: Any, shape: Any = (2,)) -> None:
    """Stores the images of the first video in another way."""
    with h5py.File(path, "a") as file:
        del file["video0/video"]
        images = file.create_dataset("video0/video", shape=shape, dtype=dtype)
        for index, row in enumerate(rows):
            images[index] = row
        images.attrs["format"] = image_format


def encoded(pixels: np.ndarray[Any, Any], image_format: str) -> np.ndarray[Any, Any]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, image_format)
    return np.frombuffer(buffer.getvalue(), np.int8)


def assert_bright_pixel(image: np.ndarray[Any, Any], x: int, y: int) -> None:
    assert divmod(int(image.argmax()), image.shape[1]) == (y, x)


def test_the_skeleton_has_the_nodes_and_edges_but_not_the_symmetries() -> None:
    skeleton = read_skeleton(GOLDEN)
    assert skeleton.nodes == ("head", "body", "tail")
    assert skeleton.edges == ((0, 1), (1, 2))


def test_each_frame_comes_with_its_first_instance_and_its_own_image() -> None:
    frames = found(GOLDEN)
    assert list(frames) == USER_FRAMES
    points, image = frames[0, 4]
    np.testing.assert_array_equal(points, [[7, 9], [20.5, 21.25], [30, 31]])
    assert image.shape == (40, 48)
    assert image.dtype == np.uint8
    for (video, frame_index), (_, image) in frames.items():
        assert image.min() == 10 * (video + 1) + frame_index
        assert_bright_pixel(image, x=7 + video, y=5 + frame_index)


def test_missing_nodes_are_nan() -> None:
    frames = found(GOLDEN)
    np.testing.assert_array_equal(np.isnan(frames[0, 1][0]).all(axis=1), [False, True, False])
    np.testing.assert_array_equal(np.isnan(frames[2, 3][0]).all(axis=1), [False, False, True])


def test_a_node_that_is_not_visible_is_missing(package: Path) -> None:
    with h5py.File(package, "a") as file:
        points = file["points"][:]
        points["visible"][0] = False
        file["points"][:] = points
    np.testing.assert_array_equal(np.isnan(found(package)[0, 4][0]).all(axis=1), [True, False, False])


def test_predicted_instances_count_only_when_asked_for_and_after_those_of_a_user() -> None:
    frames = found(GOLDEN, user_instances_only=False)
    assert list(frames) == [*USER_FRAMES, (2, 5)]
    np.testing.assert_array_equal(frames[2, 5][0][0], [9, 10])
    np.testing.assert_array_equal(frames[2, 3][0][0], [9, 8])


def test_videos_are_found_by_group_number_when_some_were_left_out_of_the_list(package: Path) -> None:
    with h5py.File(package, "a") as file:
        texts = file["videos_json"][:]
        del file["videos_json"]
        file.create_dataset("videos_json", data=texts[[0, 2]], dtype=h5py.string_dtype())
    frames = found(package)
    assert list(frames) == USER_FRAMES
    assert_bright_pixel(frames[2, 3][1], x=9, y=8)


def test_videos_are_found_by_position_when_the_frames_count_them_so(package: Path) -> None:
    with h5py.File(package, "a") as file:
        texts = file["videos_json"][:]
        del file["videos_json"]
        file.create_dataset("videos_json", data=texts[[0, 2]], dtype=h5py.string_dtype())
        frames = file["frames"][:]
        frames["video"] = [0, 0, 1, 1]
        file["frames"][:] = frames
    found_frames = found(package)
    assert list(found_frames) == [(0, 4), (0, 1), (1, 3)]
    assert_bright_pixel(found_frames[1, 3][1], x=9, y=8)


def test_frames_may_be_of_variable_length(package: Path) -> None:
    shades = [np.full((40, 48), shade, np.uint8) for shade in (50, 60)]
    rows = [encoded(shade, "PNG") for shade in shades]
    replace_images(package, dtype=h5py.vlen_dtype(np.int8), image_format="png", rows=rows)
    assert [int(found(package)[0, frame][1].mean()) for frame in (4, 1)] == [60, 50]


def test_frames_may_be_jpeg(package: Path) -> None:
    rows = [encoded(np.full((40, 48), shade, np.uint8), "JPEG") for shade in (50, 60)]
    replace_images(package, dtype=h5py.vlen_dtype(np.int8), image_format="jpg", rows=rows)
    assert found(package)[0, 4][1].mean() == pytest.approx(60, abs=2)


def test_frames_may_be_raw_arrays(package: Path) -> None:
    rows = [np.full((40, 48, 3), shade, np.uint8) for shade in (50, 60)]
    replace_images(package, dtype="u1", image_format="hdf5", rows=rows, shape=(2, 40, 48, 3))
    assert found(package)[0, 4][1].shape == (40, 48, 3)


def test_coordinates_of_old_files_are_moved_to_pixel_centres(package: Path) -> None:
    with h5py.File(package, "a") as file:
        file["metadata"].attrs["format_id"] = 1.0
    np.testing.assert_array_equal(found(package)[0, 4][0][0], [6.5, 8.5])


def test_a_frame_that_does_not_decode_is_named(package: Path) -> None:
    with h5py.File(package, "a") as file:
        file["video0/video"][1, 30:] = 7  # the second stored image is frame 4
    with pytest.raises(PackageUnreadable, match=r"tiny\.pkg\.slp.*frame 4 does not decode"):
        next(labelled_frames(package))


def test_a_truncated_file_is_told(package: Path) -> None:
    package.write_bytes(package.read_bytes()[:9000])
    with pytest.raises(PackageUnreadable, match="truncated"):
        read_skeleton(package)


def test_a_file_that_is_not_hdf5_is_told(package: Path) -> None:
    package.write_bytes(b"PK\x03\x04 not at all")
    with pytest.raises(PackageUnreadable):
        read_skeleton(package)


@pytest.mark.parametrize("part", ["metadata", "frames", "instances", "points", "videos_json"])
def test_a_missing_part_is_told(package: Path, part: str) -> None:
    with h5py.File(package, "a") as file:
        del file[part]
    with pytest.raises(PackageUnreadable, match=rf"{part}.*SLEAP file"):
        list(labelled_frames(package))


def test_labels_without_images_are_told(package: Path) -> None:
    with h5py.File(package, "a") as file:
        for video in range(3):
            del file[f"video{video}"]
    with pytest.raises(NoEmbeddedFrames, match=r"\.pkg\.slp"):
        list(labelled_frames(package))


def test_images_without_labels_are_told(package: Path) -> None:
    with h5py.File(package, "a") as file:
        frames = file["frames"][:]
        frames["instance_id_end"] = frames["instance_id_start"]
        file["frames"][:] = frames
    with pytest.raises(NoLabels):
        list(labelled_frames(package))
