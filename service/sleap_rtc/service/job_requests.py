"""Orchestration: finds out which models somebody means who asks for a job, once and for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sleap_rtc.events.inference import AskInference, FixedModel, InferenceRequest
from sleap_rtc.storage.errors import InputError

if TYPE_CHECKING:
    from sleap_rtc.events.jobs import AnyRequest, AskedRequest
    from sleap_rtc.storage.rooms_storage import RoomsStorage

_PACKAGE = ".zip"
_LABELS = ".slp"


class JobRequests:
    """Requests for jobs of all rooms.

    Args:
        models: the manifests.
    """

    def __init__(self, models: RoomsStorage) -> None:
        self._models = models

    def fixed(self, room_id: str, asked: AskedRequest, file_name: str) -> AnyRequest:
        """Return what a job is to do, whatever its models are called later.

        Args:
            room_id: the room.
            asked: by a client.
            file_name: of the dataset.

        Raises:
            NotFound: the room has no such model.
            ModelRemoved: it had.
            InputError: models and dataset do not go together.
        """
        if not isinstance(asked, AskInference):
            return asked
        if why := why_not(file_name, models=len(asked.models)):
            raise InputError(message=why)
        room = self._models.of(room_id)
        found = [(name, room.get_model(name)) for name in asked.models]
        models = tuple(
            FixedModel(name=name, model_id=model.id, model_type=model.model_type) for name, model in found
        )
        return InferenceRequest(trainer=asked.trainer, options=asked.options, models=models)


def why_not(file_name: str, *, models: int) -> str:
    """Say why poses cannot be predicted for a file with so many models of the room; "" if they can."""
    if file_name.endswith(_PACKAGE):
        return f"{file_name} is a package, which has its models in it: name none." if models else ""
    if not file_name.endswith(_LABELS):
        return f"Poses cannot be predicted for {file_name}: it is neither a .slp file nor a package (.zip)."
    return "" if models else f"Say which models of the room predict the poses of {file_name}."
