"""Adapter: the commands of the operator's side."""

from __future__ import annotations

from typing import Annotated

import typer

service_app = typer.Typer(add_completion=False)
provision_app = typer.Typer(add_completion=False)


@service_app.command()
def service(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8700,
) -> None:
    """Run the service: HTTP API, notification streams, signaling and the reactors."""
    import logging
    import os

    import uvicorn

    from sleap_rtc.events.log_lines import log_event
    from sleap_rtc.events.log_table import COLLECTOR_AWAY
    from sleap_rtc.observability.logs import configure_logs
    from sleap_rtc.observability.telemetry import Telemetry
    from sleap_rtc.service.app import create_app
    from sleap_rtc.service.drain import Drain
    from sleap_rtc.service.server import DrainingServer
    from sleap_rtc.service.signaling.listeners import SOCKET_TERMS, Ports
    from sleap_rtc.service.wiring import Lifespan, check_store
    from sleap_rtc.settings import load_settings

    settings = load_settings()
    check_store(settings)
    configure_logs("service", settings.environment)
    ports = Ports.open(settings, host)
    drain = Drain(settings.drain_notice_s, settings.drain_s)
    log = logging.getLogger(__name__)
    telemetry = Telemetry("service", os.environ, lambda text: log_event(log, COLLECTOR_AWAY, reason=text))
    app = create_app(Lifespan(settings, ports, drain, on_span=telemetry.on_span, meters=telemetry.meters))
    try:
        DrainingServer(uvicorn.Config(app, host, port, **SOCKET_TERMS), drain).run()
    finally:
        telemetry.close()


@provision_app.command()
def provision() -> None:
    """Make buckets, queues and topic in a store for development; production uses Terraform."""
    from sleap_rtc.service.provision import provision as make
    from sleap_rtc.settings import load_settings

    make(load_settings())
