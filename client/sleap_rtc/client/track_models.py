"""Orchestration: the models of an inference: which of them the room has, and a package with those that it has
not."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from sleap_rtc.client import wiring
from sleap_rtc.client.legacy_package import ENDING
from sleap_rtc.client.model_check import has_model
from sleap_rtc.client.model_registry import ClientModelRegistry
from sleap_rtc.client.model_source import ModelSource
from sleap_rtc.client.track_package import make_track_package
from sleap_rtc.storage.errors import NotFound

if TYPE_CHECKING:
    from sleap_rtc.client.service_client import ServiceClient
    from sleap_rtc.client.track_order import TrackOrder
    from sleap_rtc.settings import Settings


class TrackModels:
    """The models that an order names.

    Args:
        settings: where everything is.
        service: knows the room.
        order: names them.
    """

    def __init__(self, settings: Settings, service: ServiceClient, order: TrackOrder) -> None:
        self._settings = settings
        self._service = service
        self._order = order

    def all_of_room(self) -> bool:
        """Tell whether a worker can have every one of them from the room.

        Raises:
            NotFound: neither the room nor this machine has one.
        """
        return all(self._is_of_room(name) for name in self._order.models)

    def packaged(self, folder: Path) -> Path:
        """Return a package with data and models in it, made in a folder unless it is there.

        Raises:
            NotFound: there is no such model.
        """
        order = self._order
        if order.is_package:
            return order.data
        source = self._source()
        models = [source.find(name).folder for name in order.models]
        target = folder / f"track_{secrets.token_hex(4)}{ENDING}"
        suggested = order.options.frames == "suggested"
        return make_track_package(order.data, models, target, only_suggested_frames=suggested)

    def _is_of_room(self, name: str) -> bool:
        if has_model(Path(name)):
            return False
        try:
            self._service.model(self._order.place.room_id, name)
        except NotFound:
            self._source().find(name)
            return False
        return True

    def _source(self) -> ModelSource:
        registry = wiring.registry(self._settings)
        if self._order.registry is not None:
            registry = ClientModelRegistry(self._order.registry)
        room_id = self._order.place.room_id
        peers_of = wiring.peers_of(self._settings, room_id)
        traffic = wiring.traffic(self._settings)
        return ModelSource(self._service, registry, room_id, peers_of=peers_of, traffic=traffic)
