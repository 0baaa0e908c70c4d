"""Adapter: reads the labels and the embedded frames of a SLEAP package (``.pkg.slp``, an HDF5 file).

    metadata            attributes ``format_id`` and ``json`` (nodes, skeletons)
    videos_json         one JSON text per video; ``backend.dataset`` names its embedded frames
    frames              frame_id, video, frame_idx, instance_id_start, instance_id_end
    instances           instance_type (0 by a user, 1 predicted), skeleton, point_id_start, point_id_end, ...
    points, pred_points x, y, visible, complete
    video<N>/video      encoded images, zero-padded rows or of variable length; attribute ``format``
    video<N>/frame_numbers   the frame index of each of them in the source video

The layout is the one of sleap-io (``sleap_io/io/slp.py``), which reads and writes SLEAP's own files.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sleap_rtc.worker.reference_trainer.errors import NoEmbeddedFrames, NoLabels, PackageUnreadable

Rows: TypeAlias = NDArray[np.void]

USER_INSTANCE: Final = 0
EDGE: Final = 1
"""The link type of a body edge; 2 is a symmetry."""
CENTRED_COORDINATES_FORMAT: Final = 1.1
"""Before this format the top left corner, not the centre, of the first pixel was (0, 0)."""
_READ_FAULTS: Final = (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, SyntaxError)


@dataclass(frozen=True)
class Skeleton:
    """The nodes of the labelled animal and the edges between them (indices of ``nodes``)."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class LabelledFrame:
    """One embedded frame with its first instance.

    Attributes:
        video: Index of the video in the package.
        frame_index: Index of the frame in the source video.
        points: ``(nodes, 2)`` x and y in pixels, NaN for a node that is missing or not visible.
        image: ``(height, width)`` or ``(height, width, channels)`` bytes.
    """

    video: int
    frame_index: int
    points: NDArray[np.float64]
    image: NDArray[np.uint8]


def read_skeleton(path: Path) -> Skeleton:
    """The skeleton of the package (the first, where there are several).

    Raises:
        PackageUnreadable: Not a SLEAP package, or damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            return _parse_skeleton(_metadata(file))
    except _READ_FAULTS as fault:
        raise PackageUnreadable(path, _reason(fault)) from fault


def labelled_frames(path: Path, *, user_instances_only: bool = True) -> Iterator[LabelledFrame]:
    """The frames that have both an image and an instance of the first skeleton, in the file's order.

    Images are read and decoded one at a time, when their frame is asked for.

    Args:
        path: The package.
        user_instances_only: Whether to leave predicted instances out.

    Raises:
        PackageUnreadable: Not a SLEAP package, or damaged, or an image does not decode.
        NoEmbeddedFrames: There are labels, and no labelled frame has an image in the file.
        NoLabels: There is no instance at all.
    """
    labelled = embedded = 0
    try:
        with h5py.File(path, "r") as file:
            labels = _Labels.read(file)
            videos = _embedded_videos(file)
            for video, frame_index, points in labels.frames(user_instances_only=user_instances_only):
                labelled += 1
                images = videos.get(video)
                if images is None or frame_index not in images.rows:
                    continue
                embedded += 1
                yield LabelledFrame(video, frame_index, points, _image(path, images, frame_index))
    except _READ_FAULTS as fault:
        raise PackageUnreadable(path, _reason(fault)) from fault
    if not labelled:
        raise NoLabels(path)
    if not embedded:
        raise NoEmbeddedFrames(path)


@dataclass(frozen=True)
class EmbeddedFrame:
    """One frame whose image is in the file, labelled or not.

    Attributes:
        video: The number of the video, as in ``LabelledFrame``.
        frame_index: Index of the frame in the source video.
        image: ``(height, width)`` or ``(height, width, channels)`` bytes.
    """

    video: int
    frame_index: int
    image: NDArray[np.uint8]


Selection: TypeAlias = Literal["all", "suggested", "labeled"]


def embedded_frames(path: Path, which: Selection) -> Iterator[EmbeddedFrame]:
    """The frames of the file, by video and index, one image at a time.

    Args:
        path: The package.
        which: All; those that are suggested and not labelled; or those that somebody labelled.

    Raises:
        PackageUnreadable: Not a SLEAP package, or damaged, or an image does not decode.
    """
    try:
        with h5py.File(path, "r") as file:
            wanted = None if which == "all" else _selected(file, which)
            for video, images in sorted(_embedded_videos(file).items()):
                for frame_index in sorted(images.rows):
                    if wanted is None or (video, frame_index) in wanted:
                        yield EmbeddedFrame(video, frame_index, _image(path, images, frame_index))
    except _READ_FAULTS as fault:
        raise PackageUnreadable(path, _reason(fault)) from fault


def _selected(file: h5py.File, which: Selection) -> set[tuple[int, int]]:
    labels = _Labels.read(file).frames(user_instances_only=True)
    labelled = {(video, frame_index) for video, frame_index, _ in labels}
    if which == "labeled":
        return labelled
    suggested = [json.loads(text) for text in file["suggestions_json"][:]]
    return {(int(each["video"]), int(each["frame_idx"])) for each in suggested} - labelled


def read_image(path: Path, video: int, frame_index: int) -> NDArray[np.uint8]:
    """One embedded frame.

    Raises:
        PackageUnreadable: Not a SLEAP package, or damaged, or without this frame.
    """
    try:
        with h5py.File(path, "r") as file:
            return _image(path, _embedded_videos(file)[video], frame_index)
    except _READ_FAULTS as fault:
        raise PackageUnreadable(path, _reason(fault)) from fault


def _reason(fault: Exception) -> str:
    if isinstance(fault, KeyError):
        return f"{' '.join(str(fault.args[0]).split())} (is it a SLEAP file?)"
    return " ".join(str(fault).split()) or type(fault).__name__


def _metadata(file: h5py.File) -> dict[str, Any]:
    text = file["metadata"].attrs["json"]
    parsed = json.loads(text.tobytes() if isinstance(text, np.ndarray) else text)
    if not isinstance(parsed, dict):
        raise TypeError("the metadata is not a JSON object")
    return parsed


def _parse_skeleton(metadata: Mapping[str, Any]) -> Skeleton:
    names = [node["name"] for node in metadata["nodes"]]
    graph = metadata["skeletons"][0]
    graph = graph.get("nx_graph", graph)
    ids = [node["id"] for node in graph["nodes"]]
    seen: list[int] = []  # link types are written once in full, then as a reference to that place
    edges = []
    for link in graph["links"]:
        kind = link["type"]
        if "py/reduce" in kind:
            seen.append(kind["py/reduce"][1]["py/tuple"][0])
            value = seen[-1]
        else:
            reference = kind["py/id"]
            value = seen[reference - 1] if reference <= len(seen) else reference
        if value == EDGE:
            edges.append((ids.index(link["source"]), ids.index(link["target"])))
    return Skeleton(tuple(names[node] for node in ids), tuple(edges))


@dataclass(frozen=True)
class _Labels:
    frame_rows: Rows
    instances: Rows
    points: Rows
    predicted_points: Rows
    nodes: int
    shift: float

    @classmethod
    def read(cls, file: h5py.File) -> "_Labels":
        metadata = file["metadata"].attrs
        old = float(metadata["format_id"]) < CENTRED_COORDINATES_FORMAT if "format_id" in metadata else False
        return cls(
            frame_rows=file["frames"][:],
            instances=file["instances"][:],
            points=file["points"][:],
            predicted_points=file["pred_points"][:],
            nodes=len(_parse_skeleton(_metadata(file)).nodes),
            shift=0.5 if old else 0.0,
        )

    def frames(self, *, user_instances_only: bool) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """Video id, frame index and the points of the first instance that has any; a user's come first."""
        for row in self.frame_rows:
            first, last = int(row["instance_id_start"]), int(row["instance_id_end"])
            for instance in sorted(self.instances[first:last], key=lambda row: int(row["instance_type"])):
                by_user = int(instance["instance_type"]) == USER_INSTANCE
                if int(instance["skeleton"]) != 0 or (user_instances_only and not by_user):
                    continue
                source = self.points if by_user else self.predicted_points
                rows = source[int(instance["point_id_start"]) : int(instance["point_id_end"])]
                if len(rows) != self.nodes:
                    raise ValueError("an instance has another number of points than the skeleton has nodes")
                places = np.stack([rows["x"], rows["y"]], axis=1).astype(np.float64) - self.shift
                seen = rows["visible"].astype(bool) & np.isfinite(places).all(axis=1)
                places[~seen] = np.nan
                if seen.any():
                    yield int(row["video"]), int(row["frame_idx"]), places
                    break


@dataclass(frozen=True)
class _EmbeddedVideo:
    images: h5py.Dataset
    rows: dict[int, int]
    image_format: str


def _embedded_videos(file: h5py.File) -> dict[int, _EmbeddedVideo]:
    """The videos with images in this file, by the number that the frames table uses for them.

    That number is the position in the list of videos or, where some videos were left out of the package, the
    number in the name of the video's group. sleap-io tells the two apart in the same way.
    """
    texts = file["videos_json"][:]
    used = {int(number) for number in file["frames"]["video"]}
    by_position = len(used) == len(texts) and max(used) == len(texts) - 1
    videos = {}
    for position, text in enumerate(texts):
        dataset = json.loads(text)["backend"].get("dataset") or ""
        group = dataset.partition("/")[0]
        if not dataset or dataset not in file:
            continue
        images = file[dataset]
        if isinstance(images, h5py.Group):
            images = images["video"]
        number = group.removeprefix("video")
        numbers = (
            images.parent["frame_numbers"][:] if "frame_numbers" in images.parent else range(len(images))
        )
        videos[int(number) if number.isdigit() and not by_position else position] = _EmbeddedVideo(
            images=images,
            rows={int(frame): row for row, frame in enumerate(numbers)},
            image_format=str(images.attrs.get("format", "hdf5")),
        )
    return videos


def _image(path: Path, video: _EmbeddedVideo, frame_index: int) -> NDArray[np.uint8]:
    try:
        stored = np.asarray(video.images[video.rows[frame_index]])
        if video.image_format == "hdf5":
            return stored.astype(np.uint8)
        with Image.open(io.BytesIO(stored.tobytes())) as image:
            return np.asarray(image if image.mode in {"L", "RGB"} else image.convert("L"))
    except (*_READ_FAULTS, Image.DecompressionBombError) as fault:
        reason = f"frame {frame_index} does not decode ({type(fault).__name__})"
        raise PackageUnreadable(path, reason) from fault
