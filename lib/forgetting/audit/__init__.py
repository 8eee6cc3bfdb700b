"""Audit your own compressed model: predictions in, tables, plain sentences and a report out.

It works on the predictions of any framework, never imports torch, and has three designs: one model
against one (the same examples), populations (several independent trainings on both sides), and
paired populations (each compressed model made from one of the baseline's).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forgetting.audit.audit import Audit
    from forgetting.audit.callable_model import predict
    from forgetting.audit.report_folder import check_report_folder
    from forgetting.audit.rule_parser import parse_rule
    from forgetting.audit.rules import Rule, Verdict
    from forgetting.audit.running import audit_predictions
    from forgetting.audit.sample_logs import LogOptions
    from forgetting.audit.tasks import TaskAudits, audit_by_task

__all__ = [
    "Audit",
    "LogOptions",
    "Rule",
    "TaskAudits",
    "Verdict",
    "audit_by_task",
    "audit_predictions",
    "check_report_folder",
    "parse_rule",
    "predict",
]

_MODULES = {
    "Audit": "audit",
    "LogOptions": "sample_logs",
    "Rule": "rules",
    "TaskAudits": "tasks",
    "Verdict": "rules",
    "audit_by_task": "tasks",
    "audit_predictions": "running",
    "check_report_folder": "report_folder",
    "parse_rule": "rule_parser",
    "predict": "callable_model",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: `forgetting predict` needs none of it, nor SciPy and pandas."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
