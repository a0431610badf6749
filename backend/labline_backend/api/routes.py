"""Which handler serves which path of the OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

from labline_backend.api.base import UnknownHandler
from labline_backend.api.cache import CacheHandler, PruneHandler
from labline_backend.api.debugging import KeptProcessesHandler, ReleaseHandler, ReplayHandler, ResumeHandler
from labline_backend.api.endpoints import (
    EndpointHandler,
    EndpointLogHandler,
    EndpointsHandler,
    EndpointTrafficHandler,
    StopEndpointHandler,
)
from labline_backend.api.events import EventsHandler
from labline_backend.api.forecasts import ForecastsHandler
from labline_backend.api.logs import ExecutedNotebookHandler, LogHandler
from labline_backend.api.models import (
    ApprovalsHandler,
    GateHandler,
    JudgementsHandler,
    ModelHandler,
    ModelsHandler,
    PromotionsHandler,
    RollbacksHandler,
)
from labline_backend.api.packages import PackageHandler, PackagesHandler
from labline_backend.api.pipelines import PipelinesHandler
from labline_backend.api.recurring import RecurringRunHandler, RecurringRunsHandler, SchedulesHandler
from labline_backend.api.runs import CancelHandler, CloneHandler, KeepHandler, RetryHandler, RunHandler, RunsHandler
from labline_backend.api.status import StatusHandler
from labline_backend.api.suggestions import SuggestionsHandler
from labline_backend.api.targets import (
    SessionHandler,
    SignInPageHandler,
    TargetCheckHandler,
    TargetHandler,
    TargetsHandler,
)
from labline_backend.api.verifications import CertificateHandler, VerificationsHandler

PREFIX = "/labline/api/v1"

OPERATIONS: dict[str, type[Any]] = {
    "/status": StatusHandler,
    "/pipelines": PipelinesHandler,
    "/suggestions": SuggestionsHandler,
    "/forecasts": ForecastsHandler,
    "/schedules": SchedulesHandler,
    "/targets": TargetsHandler,
    "/targets/{target}": TargetHandler,
    "/targets/{target}/check": TargetCheckHandler,
    "/targets/{target}/sign-in-page": SignInPageHandler,
    "/targets/{target}/session": SessionHandler,
    "/targets/{target}/recurring-runs": RecurringRunsHandler,
    "/targets/{target}/recurring-runs/{recurring_run}": RecurringRunHandler,
    "/runs": RunsHandler,
    "/verifications": VerificationsHandler,
    "/runs/{run}": RunHandler,
    "/runs/{run}/cancel": CancelHandler,
    "/runs/{run}/resume": ResumeHandler,
    "/runs/{run}/retry": RetryHandler,
    "/runs/{run}/clone": CloneHandler,
    "/runs/{run}/keep": KeepHandler,
    "/cache": CacheHandler,
    "/cache/prune": PruneHandler,
    "/runs/{run}/certificate": CertificateHandler,
    "/runs/{run}/steps/{step}/log": LogHandler,
    "/runs/{run}/steps/{step}/notebook": ExecutedNotebookHandler,
    "/runs/{run}/steps/{step}/replay": ReplayHandler,
    "/runs/{run}/steps/{step}/release": ReleaseHandler,
    "/kept-processes": KeptProcessesHandler,
    "/packages": PackagesHandler,
    "/packages/{package}": PackageHandler,
    "/models": ModelsHandler,
    "/models/{model}": ModelHandler,
    "/models/{model}/gate": GateHandler,
    "/models/{model}/promotions": PromotionsHandler,
    "/models/{model}/rollbacks": RollbacksHandler,
    "/models/{model}/versions/{version}/judgements": JudgementsHandler,
    "/models/{model}/versions/{version}/approvals": ApprovalsHandler,
    "/endpoints": EndpointsHandler,
    "/endpoints/{endpoint}": EndpointHandler,
    "/endpoints/{endpoint}/stop": StopEndpointHandler,
    "/endpoints/{endpoint}/log": EndpointLogHandler,
    "/endpoints/{endpoint}/traffic": EndpointTrafficHandler,
}


def handlers() -> list[tuple[str, type[Any]]]:
    """Patterns and handlers, as tornado takes them."""
    return [
        *((PREFIX + re.sub(r"\{\w+\}", "([^/]+)", path), handler) for path, handler in OPERATIONS.items()),
        (PREFIX + "/events", EventsHandler),
        (PREFIX + "/.*", UnknownHandler),
    ]
